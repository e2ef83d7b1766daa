"""A small graph for all tests of graphs."""

import sys
from pathlib import Path

import pytest

from malmoi.graph.graph import Graph, merge

sys.path.insert(0, str(Path(__file__).parent))

from marked import sentence


@pytest.fixture
def graph() -> Graph:
    """Three sentences; 한빛 전자 stands in three ways, 이슬 & <b> tries every escape."""
    return merge(
        [
            sentence("<한빛 전자:OG> 이슬 부장은 <파리:LC>로 갔다.", (0, 1, "방문", 0.6)),
            sentence("<이슬 & b:PS> 씨는 <한빛전자는:OG> 좋다고 했다.", (0, 1, "소속", 0.8)),
            sentence(
                "<한빛전자:OG>의 <이슬 & b:PS> 씨가 <파리:LC>와 <로마:LC>에.", (1, 0, "소속", 0.7), (0, 2, "방문", 0.9)
            ),
        ]
    )
