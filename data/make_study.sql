-- Makes the sample study: 40 companies that do not exist, about 20,000 profiles, 585 of them gold.
--
-- Run from the repository's root:
--     .venv-1.5/bin/duckdb -unsigned -cmd "LOAD 'build/release/muster.duckdb_extension'" < data/make_study.sql
--
-- The people come from muster's simulator (seed 2026), so the true number of experts of every company is known. Profile
-- numbers are dealt by a checksum, so that they tell nothing about company or rating.
CREATE TEMP TABLE name AS
SELECT
    printf('company %04d', row_number() OVER ()) AS simulated,
    row.company AS company,
    row.sector AS sector
FROM (
    SELECT unnest([
        {company: 'Aldermoor Analytics', sector: 'software'},
        {company: 'Bexhurst Bank', sector: 'finance'},
        {company: 'Calder & Fenn', sector: 'consulting'},
        {company: 'Dunmarrow Motors', sector: 'industry'},
        {company: 'Eastwick Genomics', sector: 'health'},
        {company: 'Fallowgate Insurance', sector: 'finance'},
        {company: 'Greyholt Robotics', sector: 'industry'},
        {company: 'Harrowmere Health', sector: 'health'},
        {company: 'Ivybridge Imaging', sector: 'health'},
        {company: 'Juniper Row Games', sector: 'software'},
        {company: 'Kestrelwood Chips', sector: 'industry'},
        {company: 'Larkspur Logistics', sector: 'industry'},
        {company: 'Marrowdale Media', sector: 'software'},
        {company: 'Northbrook Search', sector: 'software'},
        {company: 'Oakhaven Optics', sector: 'industry'},
        {company: 'Pellwood Partners', sector: 'consulting'},
        {company: 'Quillon Quant', sector: 'finance'},
        {company: 'Ravensmoor Retail', sector: 'industry'},
        {company: 'Silverleigh Systems', sector: 'software'},
        {company: 'Thornbury Telecom', sector: 'industry'},
        {company: 'Umberfield Utilities', sector: 'industry'},
        {company: 'Vexford Vision', sector: 'software'},
        {company: 'Wrenfield Weather', sector: 'software'},
        {company: 'Xanthe Foods', sector: 'industry'},
        {company: 'Yarrowby Yards', sector: 'industry'},
        {company: 'Zephyrine Air', sector: 'industry'},
        {company: 'Ambleside Audit', sector: 'consulting'},
        {company: 'Brackenhill Biotech', sector: 'health'},
        {company: 'Cinderford Cloud', sector: 'software'},
        {company: 'Dovetree Design', sector: 'consulting'},
        {company: 'Emberly Energy', sector: 'industry'},
        {company: 'Foxglove Finance', sector: 'finance'},
        {company: 'Gorsefield Groceries', sector: 'industry'},
        {company: 'Hollowell Hospitals', sector: 'health'},
        {company: 'Ironvale Steel', sector: 'industry'},
        {company: 'Jessamine Jobs', sector: 'software'},
        {company: 'Knollwood Knowledge', sector: 'software'},
        {company: 'Lindenau Labs', sector: 'health'},
        {company: 'Mistlethwaite Mail', sector: 'software'},
        {company: 'Nettlecombe Networks', sector: 'software'}
    ]) AS row
);

CREATE TEMP TABLE person AS
SELECT
    row_number() OVER (ORDER BY md5(CAST(profile_id AS VARCHAR))) AS number,
    simulated_profile.profile_id,
    name.company,
    simulated_profile.is_expert
FROM muster.simulate_profiles(companies := 40, seed := 2026, max_observed := 1900) AS simulated_profile
LEFT JOIN name ON name.simulated = simulated_profile.company;

COPY (SELECT number AS profile_id, company, is_expert FROM person ORDER BY number)
TO 'data/profiles.csv';

COPY (
    SELECT person.number AS profile_id, annotator, CAST(label AS INTEGER) AS label
    FROM muster.simulate_ratings(companies := 40, seed := 2026, max_observed := 1900)
    JOIN person USING (profile_id)
    ORDER BY person.number, annotator
) TO 'data/ratings.csv';

COPY (
    SELECT name.company, sector, headcount
    FROM muster.simulate_truth(companies := 40, seed := 2026, max_observed := 1900) AS truth
    JOIN name ON name.simulated = truth.company
    ORDER BY ALL
) TO 'data/companies.csv';

COPY (
    SELECT name.company, experts
    FROM muster.simulate_truth(companies := 40, seed := 2026, max_observed := 1900) AS truth
    JOIN name ON name.simulated = truth.company
    ORDER BY ALL
) TO 'data/truth.csv';
