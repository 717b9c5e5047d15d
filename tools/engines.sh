#!/usr/bin/env bash
# Downloads the engines of `make test-engines` into a folder, once: Flink, Spark, Beam's job servers for both, and Prism.
#
#     bash tools/engines.sh .venv .engines
#
# Flink and Spark come from their Python packages, the job servers from Maven (one jar each, see tools/engines/pom.xml),
# Prism from its Go module. Failed downloads are reported and logged in FOLDER/ENGINE.log; the others continue.
set -uo pipefail

[ $# -ge 2 ] || { echo "engines: expected an environment, a folder and names of engines: engines.sh .venv .engines flink" >&2; exit 3; }
root=$(cd "$(dirname "$0")/.." && pwd)
python=$(cd "$1" && pwd)/bin/python
mkdir -p "$2"
cache=$(cd "$2" && pwd)
shift 2

readonly FLINK=1.19.3 SPARK=3.5.9 JOB_SERVER=2.62.0 # the newest version with all parts in Maven Central

# Unpacks the source of a Python package into FOLDER; its PATH becomes `jars/`.
package() { # FOLDER NAME VERSION PATH
  local scratch
  scratch=$(mktemp -d "$cache/unpacking.XXXX")
  "$python" -m pip download --quiet --disable-pip-version-check --no-deps --no-binary :all: --no-build-isolation \
    --dest "$scratch" "$2==$3" && mkdir -p "$1" &&
    tar -xzf "$scratch/"*.tar.gz -C "$scratch" --strip-components=1 && rm -rf "$1/jars" && mv "$scratch/$4" "$1/jars"
  local status=$?
  rm -rf "$scratch"
  return $status
}

job_server() { # FOLDER RUNNER
  mkdir -p "$1/build" && cp "$root/tools/engines/pom.xml" "$1/build/" &&
    mvn --batch-mode --no-transfer-progress --file "$1/build/pom.xml" -Drunner="$2" -Dbeam="$JOB_SERVER" package &&
    mv "$1/build/target/beam-runners-$2-job-server-$JOB_SERVER.jar" "$1/job-server.jar" && rm -rf "$1/build"
}

flink() { package "$1" apache-flink-libraries "$FLINK" deps/lib && job_server "$1" flink-1.19; }
spark() { package "$1" pyspark "$SPARK" deps/jars && job_server "$1" spark-3; }
prism() {
  local beam
  beam=$("$python" -c 'from importlib.metadata import version; print(version("apache-beam"))') &&
    GOBIN=$1 go install "github.com/apache/beam/sdks/v2/go/cmd/prism@v$beam"
}

for engine in "$@"; do
  folder=$cache/$engine
  stamp="flink $FLINK, spark $SPARK, job server $JOB_SERVER, $(cksum <"$root/tools/engines.sh") $(cksum <"$root/tools/engines/pom.xml")"
  [ -f "$folder/ready" ] && [ "$(cat "$folder/ready")" = "$stamp" ] && continue
  rm -rf "$folder" && mkdir -p "$folder"
  started=$SECONDS
  if "$engine" "$folder" >"$cache/$engine.log" 2>&1; then
    echo "$stamp" >"$folder/ready"
    echo "engines: $engine is in $folder ($((SECONDS - started)) s)"
  else
    echo "engines: $engine NOT AVAILABLE, its tests will be skipped: $(grep -m 1 -E 'ERROR|not found|No matching|cannot' "$cache/$engine.log" || tail -n 1 "$cache/$engine.log")" >&2
  fi
done
