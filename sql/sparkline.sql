-- sparkline: A list of numbers as a line of small bars, for looking at in a terminal.
-- section: Plots
--
-- Eight heights from `low` to `high`: a number x is shown by bar 1 + floor(8 (x - low) / (high - low)), at least the first and at most
-- the eighth. NULL, NaN and infinite numbers are gaps. Where all numbers are equal and no scale is given they stand at half height.
-- NULL gives NULL, an empty list an empty text. Lines that are to be compared need the same low and high.
--
-- arguments:
--   numbers   list of numbers
--   low       the number of the lowest bar; NULL = the least number of the list
--   high      the number of the highest bar, above low; NULL = the greatest number of the list
-- example:
--   SELECT muster.sparkline([1, 2, 3, NULL, 8, 5, 1]) AS line;
CREATE MACRO muster.main.sparkline(numbers, low := NULL, high := NULL) AS
    list_transform(
        list_transform(
            [list_transform(
                [
                    muster.main._muster_number('sparkline', 'numbers', 'be a list of numbers', _muster_value)
                    FOR _muster_value IN muster.main._muster_list('sparkline', 'numbers', 'be a list of numbers', numbers)
                ],
                lambda _muster_x: CASE WHEN isfinite(_muster_x) THEN _muster_x END
            )],
            lambda _muster_list: {
                list: _muster_list,
                low: CASE
                    WHEN NOT coalesce(isfinite(muster.main._muster_number('sparkline', 'low', 'be a finite number', low)), true)
                        THEN error('sparkline: low must be a finite number, got ' || CAST(low AS VARCHAR))
                    ELSE coalesce(muster.main._muster_number('sparkline', 'low', 'be a finite number', low), list_min(_muster_list))
                END,
                high: CASE
                    WHEN NOT coalesce(isfinite(muster.main._muster_number('sparkline', 'high', 'be a finite number', high)), true)
                        THEN error('sparkline: high must be a finite number, got ' || CAST(high AS VARCHAR))
                    WHEN muster.main._muster_number('sparkline', 'high', 'be a finite number', high) <= muster.main._muster_number('sparkline', 'low', 'be a finite number', low)
                        THEN error(
                            'sparkline: high must be above low, which is ' || CAST(low AS VARCHAR) || ', got '
                            || CAST(high AS VARCHAR)
                        )
                    ELSE coalesce(muster.main._muster_number('sparkline', 'high', 'be a finite number', high), list_max(_muster_list))
                END
            }
        ),
        lambda _muster_scale: array_to_string(
            list_transform(
                _muster_scale.list,
                lambda _muster_x: CASE
                    WHEN _muster_x IS NULL THEN ' '
                    -- halves, so that the width of the widest range is a number too
                    WHEN _muster_scale.high > _muster_scale.low THEN '▁▂▃▄▅▆▇█'[1 + CAST(floor(greatest(0, least(
                        7,
                        8 * ((0.5 * _muster_x - 0.5 * _muster_scale.low) / (0.5 * _muster_scale.high - 0.5 * _muster_scale.low))
                    ))) AS BIGINT)]
                    WHEN _muster_x > _muster_scale.high THEN '█'
                    WHEN _muster_x < _muster_scale.low THEN '▁'
                    ELSE '▄'
                END
            ),
            ''
        )
    )[1];
