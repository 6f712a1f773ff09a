#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Draws what a terminal shows as SVG: COLORED-OUTPUT on stdin, the picture on stdout.

docs/demo.svg was made so:  TZ=UTC script -qec 'tools/demo build/aulert' /dev/null | docs/draw-terminal.py >docs/demo.svg
It understands what aulert writes: SGR 0, 1, 2, 7 and the colours 31, 33, 36.
"""
import html
import re
import sys

LINE, WIDTH, MARGIN, TEXT, BACK = 19, 8.43, 16, '#d8dee9', '#1d2129'
COLORS = {'31': '#ff6b68', '33': '#e5c07b', '36': '#61afef'}


def style(codes):
    color, extra = TEXT, ''
    for code in codes:
        if code in COLORS:
            color = COLORS[code]
        elif code == '1':
            extra += ' font-weight="bold"'
        elif code == '2':
            color = '#8b95a5'
    return f'fill="{color}"{extra}'


def spans(line):
    """(text, SGR codes) of each part of a line."""
    codes = []
    for number, part in enumerate(re.split(r'\x1b\[([\d;]*)m', line)):
        if number % 2:
            codes = [] if part in ('', '0') else codes + part.split(';')
        elif part:
            yield part, codes


def main():
    lines = sys.stdin.read().replace('\r', '').strip('\n').split('\n')
    plain = [re.sub(r'\x1b\[[\d;]*m', '', line) for line in lines]
    width = round(max(map(len, plain)) * WIDTH + 2 * MARGIN)
    height = len(lines) * LINE + 2 * MARGIN
    print(f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" '
          f'viewBox="0 0 {width} {height}">')
    print(f'<rect width="100%" height="100%" rx="8" fill="{BACK}"/>')
    print('<g font-family="DejaVu Sans Mono, Menlo, Consolas, monospace" font-size="14" xml:space="preserve">')
    for row, line in enumerate(lines):
        column, y = 0, MARGIN + row * LINE + 14
        for text, codes in spans(line):
            if text.strip():
                shown = text.lstrip(' ')
                x = MARGIN + (column + len(text) - len(shown)) * WIDTH
                kind = style(codes) if codes else 'fill="#98c379"' if line[:1] == '#' else style(codes)
                print(f'<text x="{x:.1f}" y="{y}" textLength="{len(shown) * WIDTH:.1f}" {kind}>'
                      f'{html.escape(shown)}</text>')
            column += len(text)
    print('</g>\n</svg>')


if __name__ == '__main__':
    main()
