# The study of the README in R: Rscript examples/r/study.R EXTENSION, from the folder with data/
library(duckdb)

extension <- commandArgs(trailingOnly = TRUE)[1]

# the setting is text; with environment_scan data frames are relations by their names
driver <- duckdb(config = list(allow_unsigned_extensions = "true"), environment_scan = TRUE)
db <- dbConnect(driver)
invisible(dbExecute(db, sprintf("LOAD '%s'", extension)))

# an empty text is a missing truth: read.csv is told so
people <- read.csv("data/profiles.csv", na.strings = c("", "NA"))
companies <- read.csv("data/companies.csv")
people <- merge(people, companies[c("company", "headcount")], by = "company", all.x = TRUE)
ratings <- read.csv("data/ratings.csv", na.strings = c("", "NA"))

# a relation under a name of its own
duckdb_register(db, "profiles", people)

print(dbGetQuery(db, "FROM muster.check_inputs(profiles, ratings, company, is_expert, headcount)"))
invisible(dbExecute(db, "
  CREATE TABLE estimates AS
  FROM muster.fit_probit_bootstrap(ratings, profiles, company, is_expert, headcount := headcount, keep_draws := true)
"))
print(dbGetQuery(db, "FROM muster.headcount_total(estimates)"))

# a vector is handed over as a list; draws are left out of a CSV file, which has no lists
words <- c("machine learning", "deep learning")
terms <- paste(sprintf("'%s'", gsub("'", "''", words)), collapse = ", ")
cvs <- read.csv("data/cvs.csv")
print(dbGetQuery(db, sprintf("
  SELECT label, count(*) AS profiles
  FROM muster.keyword_filter(cvs, text, [{annotator: 'words', any_of: [%s]}])
  GROUP BY label ORDER BY label", terms)))
write.csv(dbGetQuery(db, "SELECT * EXCLUDE (draws) FROM estimates"), stdout(), row.names = FALSE)

dbDisconnect(db, shutdown = TRUE)
