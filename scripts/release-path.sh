#!/usr/bin/env bash
# The way to a deployment, as far as it goes without an account: validate the template, build the functions as they are
# deployed, and say how large they are.
#
#   scripts/release-path.sh                 x86_64
#   ARCHITECTURE=arm64 scripts/release-path.sh   needs the Rust target aarch64-unknown-linux-gnu
#
# cargo-lambda, zig (its linker) and the SAM CLI come from PyPI into a folder that is removed at the end.
# Sizes in MB of 10^6 bytes, beside the budgets that there are (docs/PERFORMANCE.md says how it stands with them).
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

readonly CARGO_LAMBDA_VERSION=1.9.2 ZIGLANG_VERSION=0.17.0 SAM_CLI_VERSION=1.170.0
readonly PACKAGES=(orchestrator notify-telegram open-jira enforce-ip-list remediate-aws)
# Function in the template, and what its stripped binary may have. The rules' functions are one program, built once.
readonly FUNCTIONS=("OrchestratorFunction 6" "NotifyTelegramFunction -" "OpenJiraFunction -" "EnforceIpListFunction -" "Rule*Function 12")
readonly ARCHITECTURE="${ARCHITECTURE:-x86_64}"
export SAM_CLI_TELEMETRY=0

# `sam build` calls `cargo lambda build` without options. This stands in front of it and adds the one that keeps it from
# changing the toolchain: without it a missing target is installed by rustup, silently.
guard_cargo_lambda() {
    local real
    real="$(command -v cargo-lambda)"
    mv "$real" "$real.real"
    cat >"$real" <<WRAPPER
#!/usr/bin/env bash
[[ "\${1:-}" == lambda && "\${2:-}" == build ]] || exec "$real.real" "\$@"
shift 2
exec "$real.real" lambda build --skip-target-check "\$@"
WRAPPER
    chmod +x "$real"
}

megabytes() {
    awk -v bytes="$1" 'BEGIN { printf "%.2f", bytes / 1000000 }'
}

tools="$(mktemp -d)"
trap 'rm -rf "$tools"' EXIT
python3 -m venv "$tools"
"$tools/bin/pip" install --quiet --disable-pip-version-check \
    "cargo-lambda==$CARGO_LAMBDA_VERSION" "ziglang==$ZIGLANG_VERSION" "aws-sam-cli==$SAM_CLI_VERSION"
export PATH="$tools/bin:$PATH"
guard_cargo_lambda

echo "== sam validate --lint"
sam validate --lint --template template.yaml

echo "== cargo lambda build --release"
started=$SECONDS
options=()
[[ "$ARCHITECTURE" == arm64 ]] && options+=(--arm64)
for package in "${PACKAGES[@]}"; do
    # One package at a time, as sam does it: features are then those of this function alone.
    cargo lambda build --release "${options[@]}" --package "$package" --bin "$package"
done
echo "built in $((SECONDS - started)) s"

echo "== sam build"
started=$SECONDS
sam build --template template.yaml --parameter-overrides "Architecture=$ARCHITECTURE"
echo "built in $((SECONDS - started)) s"

echo "== sizes"
printf '%-18s %12s %12s %12s\n' function 'stripped MB' 'zip MB' 'may have MB'
for entry in "${FUNCTIONS[@]}"; do
    read -r function budget <<<"$entry"
    # shellcheck disable=SC2206 # the name may be a pattern
    built=(.aws-sam/build/$function/bootstrap)
    bytes="$(stat --format %s "${built[0]}")"
    zip="$tools/bootstrap.zip"
    python3 -c 'import sys, zipfile; zipfile.ZipFile(sys.argv[1], "w", zipfile.ZIP_DEFLATED).write(sys.argv[2], "bootstrap")' "$zip" "${built[0]}"
    printf '%-18s %12s %12s %12s\n' "${function%Function}" "$(megabytes "$bytes")" "$(megabytes "$(stat --format %s "$zip")")" "$budget"
done
