"""All commands in one application, for what needs to know every one: the page of commands, tests, a misspelt word.

The modules imported here register their commands; each imports what computes only when its command runs.
"""

import malmoi.cli.analyze
import malmoi.cli.articles
import malmoi.cli.data
import malmoi.cli.graph
import malmoi.cli.learn
import malmoi.cli.look
import malmoi.cli.search
import malmoi.cli.serve
import malmoi.cli.study
import malmoi.cli.text
import malmoi.cli.use  # noqa: F401
from malmoi.cli.app import app as app
