-- rating_plan: Whom to rate next, drawn with known chances so that a given number of ratings tells most.
-- section: Estimates
--
-- People of companies who are not gold yet are put into cells, a company and a stratum of labels each: the bins of the likelihood
-- ratio, and those without labels. A person's chance to be drawn is proportional to how uncertain the cell is, the square root of the mean
-- of p (1 - p) with p as in `probit_posterior`, and to how much the person stands for: Neyman's allocation. Nobody has less than
-- half the chance of a plain draw, as long as that is below 1 / 20. Within a cell people are drawn at random by
-- md5 of seed and profile_id. Rate all of them, and give `weight` to the estimators as `gold_weight`, with `gold_sampling := 'at_random'`: nobody has
-- looked at the truth. Where there are gold people from before, divide it first by its mean over the plan's people, so that they count as much as
-- those. Ordered by company, p_expert from above, and profile_id.
--
-- arguments:
--   ratings       relation with profile_id, annotator, label: one row a person and annotator; NULL or no row = missing
--   profiles      relation with profile_id and the columns the next arguments name: one row a person
--   company       expression over profiles: the company; people without one are not drawn
--   truth         expression over profiles: is the person an expert; NULL = no gold label: the person may be drawn
--   budget        number of people to draw, a whole number; all of them where there are fewer
--   goal          'total' (the number of experts in all companies) or 'companies' (the share in each of them)
--   headcount     expression over profiles: employees of the company; the largest value counts, NULL = those observed
--   gold_weight   expression over profiles: the inverse of a gold person's chance to be chosen, a positive number
--   seed          whole number of at least 0; the same seed draws the same people
-- columns:
--   profile_id ANY      as in profiles
--   company VARCHAR     the person's company
--   stratum VARCHAR     likelihood ratios of the labels, or (no labels)
--   p_expert DOUBLE     mean probability of the cell's people to be experts
--   chance DOUBLE       the person's chance to be drawn
--   weight DOUBLE       1 / chance
-- example:
--   SELECT company, stratum, count(*) AS people, round(any_value(p_expert), 2) AS p_expert, round(any_value(weight), 1) AS weight
--   FROM muster.rating_plan(ratings, profiles, company, is_expert, budget := 20)
--   GROUP BY company, stratum ORDER BY company, p_expert DESC LIMIT 4;
CREATE MACRO muster.main.rating_plan(
    ratings,
    profiles,
    company,
    truth,
    budget := 100,
    goal := 'total',
    headcount := NULL,
    gold_weight := 1,
    seed := 42
) AS TABLE
WITH _muster_person AS MATERIALIZED (
    FROM muster.main._muster_people('rating_plan', ratings, profiles, company, truth, headcount, 1, gold_weight)
),
_muster_options AS (
    SELECT muster_options() AS _muster_asked, CAST(muster.main._muster_whole('rating_plan', 'seed', seed) AS VARCHAR) AS _muster_seed
),
_muster_kind AS (
    SELECT _muster_seed, unnest(_muster_row)
    FROM (
        SELECT _muster_seed, unnest(muster_rating_plan(_muster_counts, _muster_asked)) AS _muster_row
        FROM muster.main._muster_counts(_muster_person), _muster_options
    )
)
SELECT
    _muster_id AS profile_id,
    _muster_name AS company,
    stratum,
    p_expert,
    chance,
    weight
FROM (
    SELECT
        _muster_person._muster_id,
        _muster_person._muster_name,
        _muster_kind.stratum,
        _muster_kind.p_expert,
        _muster_kind.chance,
        _muster_kind.weight,
        _muster_kind.drawn,
        row_number() OVER (
            PARTITION BY _muster_person._muster_name, _muster_kind.stratum
            ORDER BY md5(_muster_seed || ':plan:' || CAST(_muster_person._muster_id AS VARCHAR)), _muster_person._muster_id
        ) AS _muster_place
    FROM _muster_person
    JOIN _muster_kind
        ON _muster_kind.seen = _muster_person._muster_seen
        AND _muster_kind.yes = _muster_person._muster_yes
        AND _muster_kind.company = _muster_person._muster_name
    WHERE _muster_person._muster_kind = 'person' AND _muster_person._muster_truth IS NULL
)
WHERE _muster_place <= drawn
ORDER BY _muster_name, p_expert DESC, _muster_id;
