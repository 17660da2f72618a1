"""The database of what several processes change: jobs and verdicts. Its tables, and how it is opened.

``job_rows`` and ``verdicts`` hold the queries. SQLite (WAL) in ``RUNS/.bir.db``, or what ``BIR_DATABASE_URL`` names.
Unique indexes keep what must never happen from happening, whoever asks at the same time: two active jobs of one run,
two running jobs in one folder of runs, and a step of verdicts that is written twice.
"""

import functools
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from sqlalchemy.pool import NullPool
from sqlalchemy.schema import CreateIndex, CreateTable

from bir_core.errors import DatabaseDown

_metadata = sa.MetaData()

JOBS = sa.Table(
    "jobs",
    _metadata,
    sa.Column("id", sa.Integer, primary_key=True, autoincrement=True),
    sa.Column("root", sa.Text, nullable=False),
    sa.Column("run", sa.Text, nullable=False),
    sa.Column("stages", sa.Text, nullable=False),
    sa.Column("force", sa.Boolean, nullable=False),
    sa.Column("state", sa.String(16), nullable=False),
    sa.Column("created", sa.String(40), nullable=False),
    sa.Column("started", sa.String(40)),
    sa.Column("finished", sa.String(40)),
    sa.Column("pid", sa.Integer),
    sa.Column("process_created", sa.Float),
    sa.Column("error", sa.Text),
    sqlite_autoincrement=True,
)

_is_active = JOBS.c.state.in_([sa.literal_column("'queued'"), sa.literal_column("'running'")])
_is_running = JOBS.c.state == sa.literal_column("'running'")
sa.Index(
    "one_active_job_per_run",
    JOBS.c.root,
    JOBS.c.run,
    unique=True,
    sqlite_where=_is_active,
    postgresql_where=_is_active,
)
sa.Index("one_running_job", JOBS.c.root, unique=True, sqlite_where=_is_running, postgresql_where=_is_running)

PROGRESS = sa.Table(
    "job_progress",
    _metadata,
    sa.Column("job", sa.Integer, sa.ForeignKey("jobs.id"), primary_key=True),
    sa.Column("stage", sa.String(32), primary_key=True),
    sa.Column("state", sa.String(16), nullable=False),
    sa.Column("done", sa.Integer, nullable=False),
    sa.Column("total", sa.Integer, nullable=False),
    sa.Column("seconds", sa.Float, nullable=False),
    sa.Column("started", sa.Float),
)

VERDICTS = sa.Table(
    "verdicts",
    _metadata,
    sa.Column("seq", sa.Integer, primary_key=True, autoincrement=True),
    sa.Column("root", sa.Text, nullable=False),
    sa.Column("data", sa.String(64), nullable=False),
    sa.Column("run", sa.Text, nullable=False),
    sa.Column("sample", sa.Integer, nullable=False),
    sa.Column("action", sa.String(8), nullable=False),
    sa.Column("verdict", sa.String(8)),
    sa.Column("label", sa.Integer),
    sa.Column("reviewer", sa.Text, nullable=False),
    sa.Column("time", sa.String(40), nullable=False),
    sa.Column("key", sa.String(64), nullable=False),
    sa.Column("step", sa.String(64), nullable=False),
    sa.Column("previous", sa.Integer),
    sqlite_autoincrement=True,
)
sa.Index("one_entry_per_key", VERDICTS.c.root, VERDICTS.c.data, VERDICTS.c.key, VERDICTS.c.sample, unique=True)
sa.Index("verdicts_of_a_sample", VERDICTS.c.root, VERDICTS.c.data, VERDICTS.c.sample)
sa.Index("verdicts_of_a_reviewer", VERDICTS.c.root, VERDICTS.c.data, VERDICTS.c.reviewer)


def _url(root: Path) -> str:
    return os.environ.get("BIR_DATABASE_URL") or f"sqlite:///{root / '.bir.db'}"


def exists(root: Path) -> bool:
    """Looking at a folder of runs never makes one."""
    return bool(os.environ.get("BIR_DATABASE_URL")) or (root / ".bir.db").is_file()


@functools.lru_cache(maxsize=64)
def _engine(url: str) -> sa.Engine:
    """No pool: the file may be deleted and made anew while the server runs, and opening it costs 0.1 ms."""
    try:
        parsed = sa.make_url(url)
    except (sa.exc.ArgumentError, ValueError):
        # What is not understood of an address is often a part of its password, so it is not repeated.
        raise DatabaseDown(
            "BIR_DATABASE_URL is not the address of a database: expected DIALECT://USER:PASSWORD@HOST:PORT/NAME, with "
            "special characters of the password percent-encoded"
        ) from None
    engine = sa.create_engine(parsed, poolclass=NullPool)
    if engine.dialect.name == "sqlite":
        sa.event.listen(engine, "connect", _prepare_sqlite)
    return engine


def _prepare_sqlite(connection: Any, _record: object) -> None:
    connection.execute("PRAGMA busy_timeout = 20000")
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("PRAGMA synchronous = NORMAL")


def _make_tables(connection: sa.Connection) -> None:
    for table in _metadata.sorted_tables:
        connection.execute(CreateTable(table, if_not_exists=True))
        for index in sorted(table.indexes, key=lambda index: str(index.name)):
            connection.execute(CreateIndex(index, if_not_exists=True))


def _keep_others_out(connection: sa.Connection) -> None:
    if connection.dialect.name == "sqlite":
        # Its driver begins a transaction at the first write only; what was read before could have changed by then.
        connection.exec_driver_sql("BEGIN IMMEDIATE")
    else:
        connection.exec_driver_sql(f"LOCK TABLE {VERDICTS.name} IN SHARE ROW EXCLUSIVE MODE")


def newest_verdict(root: Path, *, data: str) -> int:
    """Number of the newest entry in the log of verdicts on the data of that digest; 0 = nobody has decided anything."""
    if not exists(root):
        return 0
    with begin(root) as connection:
        query = sa.select(sa.func.max(VERDICTS.c.seq)).where(VERDICTS.c.root == str(root), VERDICTS.c.data == data)
        return connection.execute(query).scalar_one_or_none() or 0


@contextmanager
def begin(root: Path, *, alone: bool = False) -> Iterator[sa.Connection]:
    """One transaction, on tables that are there.

    Args:
        root: the folder of runs.
        alone: no other process writes verdicts from now until the end, so what is read stays true.

    Raises:
        DatabaseDown: the folder or the database cannot be read or written.
    """
    url = _url(root)
    try:
        root.mkdir(parents=True, exist_ok=True)
        with _engine(url).begin() as connection:
            if not sa.inspect(connection).has_table(VERDICTS.name):
                _make_tables(connection)
            if alone:
                _keep_others_out(connection)
            yield connection
    except OSError as error:
        raise DatabaseDown(f"cannot write in {root}: {error.strerror}. Choose another --runs or BIR_RUNS.") from None
    except sa.exc.IntegrityError:
        raise
    except (sa.exc.SQLAlchemyError, ImportError) as error:
        reason = str(getattr(error, "orig", None) or error).splitlines()[0]
        place = "the database of BIR_DATABASE_URL" if os.environ.get("BIR_DATABASE_URL") else str(root / ".bir.db")
        raise DatabaseDown(
            f"the jobs and verdicts in {place} cannot be read or written ({reason}): give yourself write "
            "access, or move it away if it is damaged; the runs themselves do not depend on it"
        ) from None
