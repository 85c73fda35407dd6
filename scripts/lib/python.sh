# Sourced after install.sh: Python packages that tests check us against, in a folder of their own below target/.

# python_install: sets python_bin to an interpreter that has them.
python_install() {
    local requirements=scripts/lib/python-requirements.txt home=target/test-python
    python_bin=$PWD/$home/bin/python
    if [ -x "$python_bin" ] && cmp -s "$requirements" "$home/requirements.txt"; then
        return
    fi
    need python3 python3
    python3 -c 'import ensurepip' 2>/dev/null || install_packages python3-venv
    rm -rf "$home"
    python3 -m venv "$home"
    echo "==> installing Python packages for the tests" >&2
    "$python_bin" -m pip install --quiet --disable-pip-version-check -r "$requirements" >&2
    # Last, so that an installation which broke off is done again.
    cp "$requirements" "$home/requirements.txt"
}
