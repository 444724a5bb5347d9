//! Writes the list of the files in `sql/`, so that a function is one file and no entry elsewhere.

use std::env;
use std::fs;
use std::path::{Path, PathBuf};

fn main() {
    println!("cargo:rerun-if-changed=sql");
    let folder = Path::new(&env::var("CARGO_MANIFEST_DIR").expect("set by cargo")).join("sql");
    let entries = fs::read_dir(&folder).expect("the folder sql").filter_map(Result::ok);
    let mut files: Vec<PathBuf> =
        entries.map(|entry| entry.path()).filter(|path| path.extension().is_some_and(|end| end == "sql")).collect();
    files.sort();
    let included: Vec<String> = files.iter().map(|path| format!("    include_str!({path:?}),\n")).collect();
    let list = Path::new(&env::var("OUT_DIR").expect("set by cargo")).join("files.rs");
    let text = format!("/// Every file of `sql/`.\nconst FILES: &[&str] = &[\n{}];\n", included.concat());
    fs::write(list, text).expect("a folder that can be written");
}
