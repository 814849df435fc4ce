"""What pages carry compressed."""

import gzip
import json
import re
from base64 import b64decode


def figures_of(html):
    """The plotly figures of a page, as dictionaries."""
    packed = re.findall(r'<script class="figure" type="application/gzip">(.*?)</script>', html)
    return [json.loads(gzip.decompress(b64decode(one))) for one in packed]
