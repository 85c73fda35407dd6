# Sourced after install.sh and python.sh: the browser for the tests of the interview page, and what checks that page's
# accessibility.

# chromium_install: Debian's Chromium with its WebDriver. Sets axe_file to the script of axe-core, in a folder below target/.
chromium_install() {
    if ! command -v chromium >/dev/null || ! command -v chromedriver >/dev/null; then
        install_packages chromium chromium-driver
    fi
    axe_install
}

# axe-core comes inside a Python package, of which nothing but that one file is used.
axe_install() {
    local requirements=scripts/lib/axe-requirements.txt home=target/test-axe
    axe_file=$PWD/$home/axe_playwright_python/axe.min.js
    if [ -s "$axe_file" ] && cmp -s "$requirements" "$home/requirements.txt"; then
        return
    fi
    echo "==> downloading axe-core for the tests" >&2
    rm -rf "$home"
    mkdir -p "$home"
    "$python_bin" -m pip download --quiet --disable-pip-version-check --no-deps --require-hashes --only-binary=:all: \
        --dest "$home" -r "$requirements" >&2
    "$python_bin" -m zipfile -e "$home"/*.whl "$home"
    cp "$requirements" "$home/requirements.txt"
}
