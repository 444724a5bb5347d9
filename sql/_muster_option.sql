-- _muster_option: An option as a kernel reads it.
-- section: Helpers
--
-- The value goes as text, so that NaN, decimals and what is no number all arrive; as a list of texts too, where it can be one.
CREATE MACRO muster.main._muster_option(name, value) AS
    {name: name, kind: typeof(value), value: CAST(value AS VARCHAR), texts: TRY_CAST(value AS VARCHAR[])};
