// The extensions that R's duckdb package is linked with. Preloaded, it takes the place of the function of libduckdb.
#include <string>
#include <vector>

namespace duckdb {
std::vector<std::string> LinkedExtensions() { return {"core_functions", "parquet"}; }
} // namespace duckdb
