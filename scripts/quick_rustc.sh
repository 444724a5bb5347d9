#!/bin/sh
# The compiler of this workspace's crates in `make … QUICK=1`; libraries have the usual one. Without optimisation across the parts of a
# crate, a part that has not changed is kept as it is.
exec "$@" -C lto=off
