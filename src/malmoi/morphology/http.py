"""An analyser behind HTTP that speaks ETRI's JSON (`argument.text` in, `return_object.sentence[].morp[]` out).

Every answer is kept on disk (SQLite), with the number of requests of the day: a run that the quota or the network
stopped goes on where it was, and nothing is asked twice. It asks one text at a time; this is not for corpora.
"""

import datetime
import hashlib
import http.client
import json
import sqlite3
import time
import urllib.error
import urllib.request
from collections.abc import Iterable, Iterator
from contextlib import closing
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import Any

from malmoi.errors import AnalyzerError, OptionError
from malmoi.morphology.morph import Morph
from malmoi.morphology.sejong import COMPATIBILITY, MECAB, TAGS, lemma_of

_TEMPORARY = frozenset({408, 425, 429, 500, 502, 503, 504})
_TABLES = """
    CREATE TABLE IF NOT EXISTS answers (key TEXT PRIMARY KEY, answer TEXT NOT NULL);
    CREATE TABLE IF NOT EXISTS requests (day TEXT PRIMARY KEY, n INTEGER NOT NULL);
"""


@dataclass(frozen=True, kw_only=True)
class HttpOptions:
    """Where the analyser is, and how much it may be asked."""

    url: str
    """Address that takes the request (POST)."""
    cache: Path
    """File for answers and for the number of requests of the day; made if it does not exist."""
    key: str | None = field(default=None, repr=False)
    """Access key, sent as the header `Authorization`."""
    max_requests_a_day: int = 5000
    """Requests a day, repeated ones included; ETRI allows 5,000. Answers from the cache are none."""
    timeout: float = 20.0
    """Seconds to wait for an answer."""
    tries: int = 4
    """Requests a text before giving up; the pause between doubles from one second."""
    pause: float = 1.0
    """Seconds before the second try."""

    def __post_init__(self) -> None:
        if not self.url.startswith(("http://", "https://")):
            raise OptionError(f"url is {self.url!r}: expected an address with http:// or https://")
        if self.max_requests_a_day < 1 or self.tries < 1 or self.timeout <= 0 or self.pause < 0:
            raise OptionError(
                f"max_requests_a_day is {self.max_requests_a_day}, tries {self.tries}, timeout {self.timeout}, "
                f"pause {self.pause}: expected 1 or more, 1 or more, above 0, 0 or more"
            )


class HttpAnalyzer:
    """An analyser behind HTTP."""

    name = "http"

    def __init__(self, options: HttpOptions) -> None:
        self.options = options
        # The service tells no version; its address is all that is known of it.
        self.version = options.url

    def analyze(self, texts: Iterable[str]) -> Iterator[list[Morph]]:
        """See `Analyzer`; each answer is kept before it is given."""
        for text in texts:
            if not text.strip():
                yield []
                continue
            answer = self._answer(text)
            try:
                yield _morphs(text, answer)
            except (KeyError, TypeError, ValueError, AttributeError) as error:
                raise AnalyzerError(
                    f"{self.options.url} answered {text[:60]!r} with {json.dumps(answer, ensure_ascii=False)[:200]} "
                    f"({error!r}): expected return_object.sentence[].morp[] with lemma, type, position"
                ) from error

    def _answer(self, text: str) -> dict[str, Any]:
        key = hashlib.sha256(f"{self.options.url}\n{text}".encode()).hexdigest()
        with closing(self._open()) as cache:
            row = cache.execute("SELECT answer FROM answers WHERE key = ?", (key,)).fetchone()
            if row:
                return dict(json.loads(row[0]))
            answer = self._ask(text, cache)
            with cache:
                cache.execute("INSERT OR REPLACE INTO answers VALUES (?, ?)", (key, json.dumps(answer)))
        return answer

    def _open(self) -> sqlite3.Connection:
        try:
            cache = sqlite3.connect(self.options.cache, timeout=60)
            cache.executescript(_TABLES)
        except sqlite3.Error as error:
            raise AnalyzerError(
                f"the cache {self.options.cache} cannot be opened ({error}): expected a file that malmoi made, "
                "or a place where it can make one"
            ) from error
        return cache

    def _ask(self, text: str, cache: sqlite3.Connection) -> dict[str, Any]:
        """Ask, again where the fault may pass; every try counts."""
        reason = ""
        for number in range(self.options.tries):
            if number:
                time.sleep(self.options.pause * 2 ** (number - 1))
            self._count(cache)
            try:
                return self._post(text)
            except urllib.error.HTTPError as error:
                reason = f"{error.code} {error.reason}"
                if error.code not in _TEMPORARY:
                    break
            except (OSError, http.client.HTTPException, ValueError) as error:
                reason = f"{type(error).__name__}: {error}"
        raise AnalyzerError(
            f"{self.options.url} gives no answer to {text[:60]!r} ({reason}): check address and key; "
            "what was answered so far is kept, the same command goes on"
        )

    def _count(self, cache: sqlite3.Connection) -> None:
        """Note a request before it is made.

        Raises:
            AnalyzerError: the quota of the day is used up.
        """
        today = datetime.date.today().isoformat()
        with cache:
            cache.execute("INSERT OR IGNORE INTO requests VALUES (?, 0)", (today,))
            [n] = cache.execute("SELECT n FROM requests WHERE day = ?", (today,)).fetchone()
            if n >= self.options.max_requests_a_day:
                raise AnalyzerError(
                    f"the {self.options.max_requests_a_day:,} requests of {today} to {self.options.url} are used up: "
                    f"run the same command again tomorrow; answers so far are kept in {self.options.cache}"
                )
            cache.execute("UPDATE requests SET n = n + 1 WHERE day = ?", (today,))

    def _post(self, text: str) -> dict[str, Any]:
        body = json.dumps({"argument": {"analysis_code": "morp", "text": text}}).encode()
        headers = {"Content-Type": "application/json; charset=UTF-8"}
        if self.options.key:
            headers["Authorization"] = self.options.key
        request = urllib.request.Request(self.options.url, body, headers)
        with urllib.request.urlopen(request, timeout=self.options.timeout) as response:
            answer = json.load(response)
        if not isinstance(answer, dict):
            raise ValueError(f"a {type(answer).__name__}, expected an object")
        if answer.get("result", 0) != 0:
            raise ValueError(f"result {answer['result']}: {answer.get('reason', 'no reason given')}")
        return answer


def _morphs(text: str, answer: dict[str, Any]) -> list[Morph]:
    """Morphemes with spans; the service tells where each begins, in bytes, and not where it ends."""
    found = [morph for sentence in answer["return_object"]["sentence"] for morph in sentence["morp"]]
    place_of_byte = _places(text)
    starts = [place_of_byte[min(int(morph["position"]), len(place_of_byte) - 1)] for morph in found]
    for number, (before, start) in enumerate(pairwise(starts), 1):
        starts[number] = max(before, start)
    morphs = []
    for number, (morph, start) in enumerate(zip(found, starts, strict=True)):
        following = next((later for later in starts[number + 1 :] if later > start), len(text))
        start = min(start, len(text) - 1)
        end = max(start + 1, start + len(text[start:following].rstrip()))
        form, tag = str(morph["lemma"]).translate(COMPATIBILITY), str(morph["type"])
        tag = MECAB.get(tag, tag if tag in TAGS else "NA")
        morphs.append(Morph(form, tag, start, end, lemma_of(form, tag)))
    return morphs


def _places(text: str) -> list[int]:
    """The character that each byte (UTF-8) of `text` belongs to, and the end."""
    places = [place for place, char in enumerate(text) for _ in range(len(char.encode()))]
    return [*places, len(text)]
