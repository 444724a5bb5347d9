# The study of the README in R: Rscript examples/r/study.R EXTENSION, from the folder with data/
library(duckdb)

extension <- commandArgs(trailingOnly = TRUE)[1]

# the setting is text; with environment_scan data frames are relations by their names
driver <- duckdb(config = list(allow_unsigned_extensions = "true"), environment_scan = TRUE)
db <- dbConnect(driver)
invisible(dbExecute(db, sprintf("LOAD '%s'", extension)))

# an empty text, which read.csv makes of an empty field, is missing
people <- read.csv("data/profiles.csv")
companies <- read.csv("data/companies.csv")
people <- merge(people, companies[c("company", "headcount")], by = "company", all.x = TRUE)
ratings <- read.csv("data/ratings.csv")

# a relation under a name of its own
duckdb_register(db, "profiles", people)

print(dbGetQuery(db, "FROM muster.check_inputs(profiles, ratings, company, is_expert, headcount)"))
# a data frame has no place for draws: estimates with them stay in DuckDB
invisible(dbExecute(db, "
  CREATE TABLE estimates AS
  FROM muster.fit_probit_bootstrap(ratings, profiles, company, is_expert, headcount := headcount, keep_draws := true)
"))
print(dbGetQuery(db, "FROM muster.headcount_total(estimates)"))

# a vector is handed over as a list
words <- c("machine learning", "deep learning")
terms <- paste(sprintf("'%s'", gsub("'", "''", words)), collapse = ", ")
cvs <- read.csv("data/cvs.csv")
print(dbGetQuery(db, sprintf("
  SELECT label, count(*) AS profiles
  FROM muster.keyword_filter(cvs, text, [{annotator: 'words', any_of: [%s]}])
  GROUP BY label ORDER BY label", terms)))

# without draws an estimate is a plain table
estimate <- dbGetQuery(db, "FROM muster.fit_probit_bootstrap(ratings, profiles, company, is_expert, headcount := headcount)")
write.csv(estimate, stdout(), row.names = FALSE)

dbDisconnect(db, shutdown = TRUE)
