# shellcheck shell=bash
# What `run` and `full` share. Sourced, never run.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

export CARGO_TARGET_DIR="${CARGO_TARGET_DIR:-$HOME/.cache/segment-export-target}"
export CARGO_TERM_COLOR="${CARGO_TERM_COLOR:-never}"
export PYTHONDONTWRITEBYTECODE=1
# Outside the clone, and safe to delete: virtual environments, tools, data of the memory runs.
cache="${SEGMENT_EXPORT_CACHE:-$HOME/.cache/segment-export-ci}"
mkdir -p "$cache"
scratch="$(mktemp -d)"
trap 'rm -rf "$scratch"' EXIT

# step NAME COMMAND...: runs a command, prints its name before and its time after; the first failure ends the run.
# The command is no operand of `||` or `if`, where the shell would go on after a failure inside a function.
step() {
    local name="$1" began=$SECONDS status
    shift
    printf '\n=== %s: %s\n' "$name" "$*"
    set +e
    (set -e; "$@")
    status=$?
    set -e
    if [[ $status != 0 ]]; then
        printf '=== %s: FAILED after %d s\n' "$name" "$((SECONDS - began))"
        exit 1
    fi
    printf '=== %s: ok, %d s\n' "$name" "$((SECONDS - began))"
}

# The virtual environment of the interop suite: another one when its requirements change.
requirements=tests/interop/requirements.txt
venv="$cache/venv-$({ python3 --version; cat "$requirements"; } | sha256sum | cut -c1-16)"

make_venv() {
    if [[ ! -e "$venv/ready" ]]; then
        rm -rf "$venv"
        python3 -m venv "$venv"
        "$venv/bin/pip" install --quiet --disable-pip-version-check --requirement "$requirements"
        touch "$venv/ready"
    fi
}

# readme_command START: the one line of a code block of README.md that starts so, word for word.
readme_command() {
    local found
    found="$(grep -E "^$1" README.md)"
    [[ "$(wc -l <<<"$found")" == 1 ]] || { echo "README.md must have one line that starts with \"$1\"" >&2; return 1; }
    printf '%s' "$found"
}

# The README's main command, and a check of what it wrote; it writes to ./out, which must not be there yet.
readme_export() {
    [[ ! -e out ]] || { echo "./out is in the way" >&2; return 1; }
    local command
    command="$(readme_command 'cargo run ')"
    echo "$ $command"
    bash -euo pipefail -c "$command"
    "$program" verify out/*
    rm -r out
}

readme_test() {
    local command
    command="$(readme_command 'cargo test')"
    echo "$ $command"
    bash -euo pipefail -c "$command"
}

program="$CARGO_TARGET_DIR/release/segment-export"

# ORC Java, out of the one package of PyPI that has it: the jars that reading a file takes, a sixth of all.
orc_java=pyspark==4.3.0
orc_jars="$cache/orc-jars-$(cut -c1-16 < <(sha256sum <<<"$orc_java"))"

make_orc_jars() {
    if ! command -v javac >/dev/null; then
        apt-get update && apt-get install --yes --no-install-recommends default-jdk-headless
    fi
    if [[ ! -e "$orc_jars/ready" ]]; then
        rm -rf "$orc_jars"
        mkdir -p "$orc_jars"
        "$venv/bin/pip" download --quiet --disable-pip-version-check --no-deps --dest "$scratch/orc-java" "$orc_java"
        local names=(aircompressor commons-lang3 guava hadoop-client hive-storage-api jackson-annotations jackson-core
            jackson-databind log4j lz4-java orc-core orc-format orc-shims slf4j-api snappy-java threeten-extra zstd-jni)
        tar --extract --gzip --file "$scratch"/orc-java/*.tar.gz --directory "$orc_jars" --transform 's|.*/||' \
            --wildcards --no-anchored "${names[@]/%/-*.jar}"
        rm -r "$scratch/orc-java"
        touch "$orc_jars/ready"
    fi
}

# More judges of encryption: the command line of the AWS Encryption SDK wants another major of the SDK than the suite,
# the server that knows the states of keys another botocore; the SDK of JavaScript comes by npm.
judge_requirements=tests/interop/requirements-judges.txt
judge_venv="$cache/judges-$({ python3 --version; cat "$judge_requirements"; } | sha256sum | cut -c1-16)"
encryption_client=@aws-crypto/client-node@5.0.2
encryption_home="$cache/npm-$(sha256sum <<<"$encryption_client" | cut -c1-16)"

make_encryption_judges() {
    if [[ ! -e "$judge_venv/ready" ]]; then
        rm -rf "$judge_venv"
        python3 -m venv "$judge_venv"
        "$judge_venv/bin/pip" install --quiet --disable-pip-version-check --requirement "$judge_requirements"
        touch "$judge_venv/ready"
    fi
    install_npm
    if [[ ! -e "$encryption_home/ready" ]]; then
        rm -rf "$encryption_home"
        mkdir -p "$encryption_home"
        npm install --prefix "$encryption_home" --no-audit --no-fund --no-package-lock "$encryption_client"
        touch "$encryption_home/ready"
    fi
}

interop() {
    AWS_ENCRYPTION_CLI="$judge_venv/bin/aws-encryption-cli" MINISTACK="$judge_venv/bin/ministack" \
        NODE_MODULES="$encryption_home/node_modules" AZURITE="$npm_home/node_modules/.bin/azurite-blob" \
        ORC_JARS="$orc_jars" SEGMENT_EXPORT="$program" "$venv/bin/python" -m pytest --basetemp "$scratch/pytest" "$@" tests/interop
}

# memory small|full
memory() {
    "$venv/bin/python" .ci/memory.py --program "$program" --data "$cache/data" --scratch "$scratch" "$1"
}

install_npm() {
    if ! command -v npm >/dev/null; then
        apt-get update && apt-get install --yes nodejs npm
    fi
}

# What the tests on Azure need, by npm: the emulator, and a client that makes its container.
azurite=azurite@3.35.0
azure_client=@azure/storage-blob@12.29.1
npm_home="$cache/npm-$(sha256sum <<<"$azurite $azure_client" | cut -c1-16)"

make_npm_home() {
    install_npm
    if [[ ! -e "$npm_home/ready" ]]; then
        rm -rf "$npm_home"
        mkdir -p "$npm_home"
        npm install --prefix "$npm_home" --no-audit --no-fund --no-package-lock "$azurite" "$azure_client"
        touch "$npm_home/ready"
    fi
}

# with_azurite COMMAND...: runs a command while Azurite listens at its usual place, with an empty container.
with_azurite() {
    "$npm_home/node_modules/.bin/azurite-blob" --inMemoryPersistence --silent --skipApiVersionCheck \
        --disableTelemetry >"$scratch/azurite.log" 2>&1 &
    local server=$! status=0
    NODE_PATH="$npm_home/node_modules" node -e '
        const { BlobServiceClient } = require("@azure/storage-blob");
        const container = BlobServiceClient.fromConnectionString("UseDevelopmentStorage=true").getContainerClient("exports");
        container.create().catch(error => { console.error(error); process.exit(1); });
    ' || status=$?
    if [[ $status == 0 ]]; then
        AZURITE_BLOB_STORAGE_URL=http://127.0.0.1:10000 "$@" || status=$?
    else
        cat "$scratch/azurite.log" >&2
    fi
    kill "$server"
    return "$status"
}

# What the build of the module for FIPS takes, which all features together have in them.
make_fips_tools() {
    if ! command -v cmake >/dev/null || ! command -v go >/dev/null; then
        apt-get update && apt-get install --yes --no-install-recommends cmake golang-go
    fi
}

# tool NAME: a cargo subcommand from crates.io, kept in the cache unless the machine has it.
tool() {
    if ! command -v "$1" >/dev/null; then
        cargo install --quiet --locked --root "$cache" --target-dir "$CARGO_TARGET_DIR/tools" "$1"
    fi
}
export PATH="$PATH:$cache/bin"

# fuzz TARGET SECONDS: without a sanitizer, so that the stable compiler does.
fuzz() {
    cargo fuzz run --sanitizer none "$1" "$scratch/corpus-$1" -- -max_total_time="$2" -rss_limit_mb=2048 -print_final_stats=1
}

docs() {
    RUSTDOCFLAGS="-D warnings" cargo doc --locked --no-deps --all-features "$@"
}
