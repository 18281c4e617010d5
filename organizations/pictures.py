"""Pictures that people send: read by what they contain, never by what they are called, and written anew.

What is stored is only what Pillow has decoded and encoded again: no metadata, no second file inside the first one.
"""

import hashlib
from io import BytesIO
from typing import Any

from PIL import Image, ImageOps

from saas.errors import Problem

LARGEST = 1024 * 1024  # bytes
LARGEST_SIDE = 5000  # pixels: a small file may unfold to gigabytes
SIDE = 256  # pixels, of what is stored
FORMATS = ("PNG", "JPEG", "WEBP")
CONTENT_TYPE = "image/webp"


class UnusablePicture(Problem):
    """The file is no picture that we take."""


def rewrite(file: Any) -> tuple[bytes, str]:
    """A picture of at most 256 pixels a side as WebP, with its version.  Raises UnusablePicture.

    `file` is an uploaded file.  Proportions and transparency stay; of a moving picture the first frame does.
    """
    if file.size > LARGEST:
        raise UnusablePicture("This file is larger than 1 MB. Choose a smaller one.")
    try:
        with Image.open(file, formats=FORMATS) as picture:
            if max(picture.size) > LARGEST_SIDE:
                raise UnusablePicture(f"This picture has more than {LARGEST_SIDE} pixels a side. Choose a smaller one.")
            upright = ImageOps.exif_transpose(picture)
            has_alpha = upright.mode in ("RGBA", "LA", "PA") or "transparency" in upright.info
            small = upright.convert("RGBA" if has_alpha else "RGB")
    except UnusablePicture:
        raise
    except (OSError, ValueError, SyntaxError, EOFError, Image.DecompressionBombError):
        raise UnusablePicture("This is no PNG, JPEG or WebP picture, or the file is damaged.") from None
    small.thumbnail((SIDE, SIDE), Image.Resampling.LANCZOS)
    written = BytesIO()
    small.save(written, "WEBP", quality=90, method=4)
    data = written.getvalue()
    return data, hashlib.sha256(data).hexdigest()[:16]
