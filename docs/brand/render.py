"""Makes the PNG and ICO pictures of static/img from its favicon.svg and from social.html beside this file.

    .venv/bin/python docs/brand/render.py

Needs Playwright and a Chromium (CHROMIUM=/usr/bin/chromium); run it again after a rebrand.
"""

import os
import struct
from pathlib import Path

from playwright.sync_api import Page, sync_playwright

HERE = Path(__file__).resolve().parent
FOLDER = HERE.parent.parent / "static" / "img"
CHROMIUM = os.environ.get("CHROMIUM", "/usr/bin/chromium")


def picture(page: Page, markup: str, size: int, *, is_transparent: bool = True) -> bytes:
    page.set_viewport_size({"width": size, "height": size})
    page.set_content(f"<style>body{{margin:0}}svg{{display:block;width:{size}px;height:{size}px}}</style>{markup}")
    return page.screenshot(omit_background=is_transparent)


def icon(png: bytes, size: int) -> bytes:
    """An ICO file that holds one PNG."""
    header = struct.pack("<HHH", 0, 1, 1)
    entry = struct.pack("<BBBBHHII", size, size, 0, 0, 1, 32, len(png), 22)
    return header + entry + png


def main() -> None:
    mark = (FOLDER / "favicon.svg").read_text()
    square = mark.replace('rx="7.5"', 'rx="0"')  # iOS and Android cut the corners themselves
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox", "--disable-gpu"])
        page = browser.new_page()
        (FOLDER / "favicon.ico").write_bytes(icon(picture(page, mark, 32), 32))
        (FOLDER / "apple-touch-icon.png").write_bytes(picture(page, square, 180, is_transparent=False))
        for size in (192, 512):
            (FOLDER / f"icon-{size}.png").write_bytes(picture(page, square, size, is_transparent=False))
        page.set_viewport_size({"width": 1200, "height": 630})
        page.goto((HERE / "social.html").as_uri())
        (FOLDER / "social.png").write_bytes(page.screenshot())
        browser.close()


if __name__ == "__main__":
    main()
