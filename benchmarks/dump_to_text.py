"""P5: from a MediaWiki dump to clean documents, one process: MB of XML a second, against mwparserfromhell, and memory.

Three figures. Ours and `mwparserfromhell.parse(…).strip_code()` on the same wikitext. Ours from a dump to documents,
as XML and packed with bzip2, unpacking and parsing included. The most memory that the large dump took, against that
of one a tenth of its size. The dump is written by this script: pages repeated and varied, those of MALMOI_DATA where
it is set, else some that stand here.

    python benchmarks/dump_to_text.py [--quick]
    python benchmarks/dump_to_text.py --make wiki.xml.bz2 --megabytes 1000    # only writes the dump
"""

import argparse
import bz2
import importlib.metadata
import itertools
import os
import platform
import random
import resource
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from html import escape
from pathlib import Path

import mwparserfromhell

from malmoi.corpus.document import clean_text
from malmoi.corpus.dump import Page, dump_blocks, iter_block, iter_pages
from malmoi.corpus.wikitext import clean_wikitext

HEAD = '<mediawiki xmlns="http://www.mediawiki.org/xml/export-0.11/" version="0.11" xml:lang="ko">\n'
PAGES_A_STREAM = 100  # as in Wikipedia's own multistream dumps
OWN_PAGE = """{{다른 뜻}}
{{문방구 정보
| 이름 = [[벼루]]
| 그림 = [[파일:벼루.jpg|250px]]
| 무게 = {{변환|2|kg}}
}}
'''벼루'''({{llang|zh|硯}}, {{llang|en|inkstone}})는 [[먹]]을 가는 데 쓰는
[[돌|돌그릇]]이다.<ref name="가">{{서적 인용|성=김
|이름=아무개|제목=벼루 이야기|연도=1999|쪽=12-15|출판사=[[붓방]]}}</ref> 물을 붓고 먹을 천천히 갈면 먹물이 고인다.
== 역사 ==
[[파일:옛 벼루.jpg|섬네일|오른쪽|[[옛날]]의 벼루]]
옛사람들은 강가에서 고운 돌을 주워 벼루를 깎았다.<ref name="가" /> 좋은 벼루는
먹이 곱게 갈리고, 먹물이 쉽게 마르지 않는다.
{| class="wikitable"
! 종류 !! 무게
|-
| 돌벼루 || 2
|-
| 나무 벼루 || 1
|}
* [[돌]] 벼루: 가장 흔하다.
* [[나무]] 벼루: 가볍다.
== 같이 보기 ==
* [[붓]]
[[분류:문방구]]
"""


def source_pages() -> list[Page]:
    """Real pages where there are any; else one that stands here, several times."""
    folder = Path(os.environ.get("MALMOI_DATA", "")) / "wikitext"
    paths = sorted(folder.glob("*.bz2")) if "MALMOI_DATA" in os.environ else []
    pages = [page for path in paths for page in iter_pages(path, Counter())]
    return pages or [Page(id=str(n), title=f"벼루 {n}", namespace=0, wikitext=OWN_PAGE * n) for n in range(1, 30)]


def varied_pages(pages: list[Page]) -> Iterator[str]:
    """XML of pages without end, no two alike: lines are turned round and some left out, tables and boxes whole."""
    draw = random.Random(1)
    for number in itertools.count(1):
        page = pages[number % len(pages)]
        sections = page.wikitext.split("\n==")
        draw.shuffle(sections)
        kept = [section for section in sections if draw.random() < 0.8] or sections[:1]
        text = f"{page.title} {number}.\n\n==" + "\n==".join(kept)
        yield (
            f"  <page>\n    <title>{escape(page.title)} {number}</title>\n    <ns>0</ns>\n    <id>{number}</id>\n"
            f"    <revision>\n      <id>{number}</id>\n      <model>wikitext</model>\n"
            f'      <text bytes="{len(text)}" xml:space="preserve">{escape(text)}</text>\n    </revision>\n  </page>\n'
        )


def write_dump(path: Path, n_bytes: int, pages: list[Page]) -> None:
    """A dump of about `n_bytes` of XML; `.bz2` becomes one of many streams."""
    pack: Callable[[bytes], bytes] = bz2.compress if path.suffix == ".bz2" else bytes
    n_written = 0
    xml = varied_pages(pages)
    with path.open("wb") as file:
        file.write(pack(HEAD.encode()))
        while n_written < n_bytes:
            stream = "".join(itertools.islice(xml, PAGES_A_STREAM)).encode()
            n_written += len(stream)
            file.write(pack(stream))
        file.write(pack(b"</mediawiki>\n"))


def read_dump(path: Path) -> int:
    """Characters of the clean documents."""
    n_chars = 0
    for start, end in dump_blocks(path):
        for page in iter_block(path, start, end, Counter()):
            n_chars += len(clean_text(clean_wikitext(page.wikitext, page.title)))
    return n_chars


def cpu_seconds(work: Callable[[], object]) -> float:
    """Processor time, which other work on the machine does not stretch as it does the clock's."""
    started = time.process_time()
    work()
    return time.process_time() - started


def compare(wikitexts: Iterable[str]) -> tuple[float, float]:
    """MB of wikitext a second, ours (best of three) and the peer's (once: it is slow)."""
    texts = list(wikitexts)
    n_mb = sum(len(text.encode()) for text in texts) / 1e6
    ours = min(cpu_seconds(lambda: [clean_text(clean_wikitext(text)) for text in texts]) for _ in range(3))
    peer = cpu_seconds(lambda: [mwparserfromhell.parse(text).strip_code() for text in texts])
    return n_mb / ours, n_mb / peer


def peak_memory(path: Path) -> float:
    """MB at the most, of a process of its own that reads the dump."""
    command = [sys.executable, __file__, "--read", str(path)]
    return int(subprocess.run(command, check=True, capture_output=True, text=True).stdout) / 1024


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="a dump of 20 MB instead of 1 GB")
    parser.add_argument("--make", type=Path, metavar="FILE", help="write a dump and stop")
    parser.add_argument("--megabytes", type=int, default=0)
    parser.add_argument("--read", type=Path, metavar="FILE", help="read a dump, print the peak of memory in KB")
    arguments = parser.parse_args()
    if arguments.read:
        read_dump(arguments.read)
        print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)
        return
    pages = source_pages()
    n_mb = arguments.megabytes or (20 if arguments.quick else 1000)
    if arguments.make:
        write_dump(arguments.make, n_mb * 10**6, pages)
        return
    version = importlib.metadata.version("mwparserfromhell")
    print(f"Python {platform.python_version()}, mwparserfromhell {version}, {len(pages)} pages to vary")
    ours, peer = compare(page.wikitext for page in (pages[:8] if arguments.quick else pages))
    print(f"wikitext to text: ours {ours:.1f} MB/s, strip_code {peer:.2f} MB/s, ratio {ours / peer:.1f} (target 4)")
    with tempfile.TemporaryDirectory() as folder:
        small, large, packed = (Path(folder) / name for name in ("small.xml", "large.xml", "packed.xml.bz2"))
        write_dump(large, n_mb * 10**6, pages)
        write_dump(small, n_mb * 10**5, pages)
        write_dump(packed, n_mb * 10**5, pages)
        rate = large.stat().st_size / 1e6 / cpu_seconds(lambda: read_dump(large))
        print(f"dump to documents, XML, {large.stat().st_size / 1e6:,.0f} MB: {rate:.1f} MB/s a core (target 8)")
        rate = small.stat().st_size / 1e6 / cpu_seconds(lambda: read_dump(packed))
        print(f"dump to documents, bzip2, {small.stat().st_size / 1e6:,.0f} MB of XML: {rate:.1f} MB/s a core")
        print(f"peak memory: {peak_memory(small):.0f} MB for a tenth, {peak_memory(large):.0f} MB for the whole")


if __name__ == "__main__":
    main()
