"""Puts the dashboard's JavaScript libraries into the package: `python -m scripts.vendor`.

npm installs what web/package-lock.json pins by hash; the files named here are copied, and their imports of each other
made relative, for a strict content security policy leaves no room for an import map in the page.
"""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
TARGET = ROOT / "src/dwell/api/dashboard/static/vendor"
FILES: Mapping[str, str] = {
    "preact/dist/preact.mjs": "preact.js",
    "preact/hooks/dist/hooks.mjs": "hooks.js",
    "htm/dist/htm.mjs": "htm.js",
    "@preact/signals/dist/signals.mjs": "signals.js",
    "@preact/signals-core/dist/signals-core.mjs": "signals-core.js",
    "uplot/dist/uPlot.esm.js": "uplot.js",
    "uplot/dist/uPlot.min.css": "uplot.css",
}
MODULES: Mapping[str, str] = {
    "preact": "./preact.js",
    "preact/hooks": "./hooks.js",
    "@preact/signals-core": "./signals-core.js",
}
NPM_TIMEOUT_S = 300
_IMPORT = re.compile(r"""(from\s*|import\s*)(["'])([^"'.][^"']*)\2""")


def main() -> None:
    """Copy, unless that was done for this lock already."""
    stamp, wanted = TARGET / "stamp", _digest()
    if stamp.is_file() and stamp.read_text(encoding="ascii") == wanted:
        return
    npm = shutil.which("npm", path=f"{ROOT}/build/node/bin{os.pathsep}{os.environ.get('PATH', '')}")
    if npm is None:
        sys.exit("The dashboard needs npm at build time: scripts/setup web brings one.")
    with tempfile.TemporaryDirectory(prefix="dwell-web-") as folder:
        for name in ("package.json", "package-lock.json", ".npmrc"):
            shutil.copy(ROOT / "web" / name, folder)
        command = [npm, "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"]
        subprocess.run(command, cwd=folder, check=True, timeout=NPM_TIMEOUT_S)
        _copy(Path(folder) / "node_modules")
    stamp.write_text(wanted, encoding="ascii")


def _copy(modules: Path) -> None:
    shutil.rmtree(TARGET, ignore_errors=True)
    TARGET.mkdir(parents=True)
    for source, name in FILES.items():
        text = (modules / source).read_text(encoding="utf-8")
        if name.endswith(".js"):
            text = _IMPORT.sub(_relative, text)
            text = re.sub(r"\n?//# sourceMappingURL=\S+", "", text)
        (TARGET / name).write_text(text, encoding="utf-8")


def _relative(found: re.Match[str]) -> str:
    if found[3] not in MODULES:
        return found[0]
    return f"{found[1]}{found[2]}{MODULES[found[3]]}{found[2]}"


def _digest() -> str:
    texts = ((ROOT / "web/package-lock.json").read_bytes(), Path(__file__).read_bytes())
    return hashlib.sha256(b"\0".join(texts)).hexdigest()


if __name__ == "__main__":
    main()
