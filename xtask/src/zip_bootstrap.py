"""Packs one program as a Lambda archive: python zip_bootstrap.py PROGRAM ARCHIVE.

The same program gives the same bytes, so that nothing is deployed anew without a reason.
"""

import pathlib
import sys
import zipfile

program, archive = map(pathlib.Path, sys.argv[1:])
entry = zipfile.ZipInfo("bootstrap", date_time=(1980, 1, 1, 0, 0, 0))
entry.create_system = 3  # Unix, whatever this runs on: the next line is read only then
entry.external_attr = 0o100755 << 16
entry.compress_type = zipfile.ZIP_DEFLATED
with zipfile.ZipFile(archive, "w") as target:
    target.writestr(entry, program.read_bytes(), compresslevel=9)
print(f"{archive.name}: {archive.stat().st_size:,} bytes")
