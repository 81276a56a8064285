"""The monitor beside Evidently, pandas with scipy, and merely reading the file: 20 columns that drift.

python benchmarks/monitor.py [--rows 1000000] [--lines] [--json]

Rows are generated as Parquet files into a temporary folder; each contender is a process of its own, whose
peak of memory is measured. Evidently and pandas hold a table in memory, so of more rows than a million they
are given the first million, and their seconds are multiplied (`rows_evidently` is what they were given).
With `--lines` captures are read instead: JSON lines as an endpoint writes them, a row a line, each with an
answer and a label, which ours joins. Merely reading is then polars' reader of JSON lines, and Evidently is
given what json and pandas make of them. What a contender imports is not counted.

It ends with 1 and says which where an aim is missed: ten times as fast as Evidently, within three times of
reading, under 2 GB.
"""

from __future__ import annotations

import argparse
import json
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from importlib import import_module
from pathlib import Path

COLUMNS = 20
BASELINE_ROWS = 100_000
ROWS_A_FILE = 5_000_000
ROWS_A_GROUP = 1 << 18
ROWS_A_CAPTURE = 20_000
MOST_IN_MEMORY = 1_000_000
REPOSITORY = Path(__file__).parent.parent
sys.path.insert(0, str(REPOSITORY))
# Evidently wants an older pandas than ours, so it has an environment of its own, as checkov has.
EVIDENTLY = REPOSITORY / ".venv" / "evidently"
LOCK = REPOSITORY / "requirements" / "evidently.lock"


def generate(folder: Path, rows: int, seed: int, moved: float) -> None:
    """Files of `rows` in all: columns of several shapes, the further to the right the more `moved`."""
    import polars as pl
    from numpy.random import default_rng

    random = default_rng(seed)
    for number, start in enumerate(range(0, rows, ROWS_A_FILE)):
        size = min(ROWS_A_FILE, rows - start)
        parts = (_part(random, min(ROWS_A_GROUP, size - at), moved) for at in range(0, size, ROWS_A_GROUP))
        pl.concat(parts).write_parquet(folder / f"{number:03}.parquet", row_group_size=ROWS_A_GROUP)


def write_captures(folder: Path, rows: int) -> None:
    """JSON lines of `rows` requests, a file each 20,000, and a file of their labels."""
    from itertools import count

    from numpy.random import default_rng

    from tests.monitor.captured import label, line, write

    random, number = default_rng(2), count()
    for start in range(0, rows, ROWS_A_CAPTURE):
        frame = _part(random, min(ROWS_A_CAPTURE, rows - start), 0.5)
        head = ",".join(frame.columns)
        asked = (
            line(f"{head}\n{','.join(map(str, row))}\n", "0.5\n", str(next(number))) for row in frame.rows()
        )
        write(folder / "captures", asked, f"{start:09}.jsonl")
    write(folder / "labels", (label(str(one), one % 2) for one in range(rows)), "labels.jsonl")


def _part(random, size: int, moved: float):
    import numpy as np
    import polars as pl

    shapes = (random.standard_normal, random.standard_exponential, random.random, random.standard_normal)
    columns = {}
    for place in range(COLUMNS):
        values = shapes[place % 4](size, dtype=np.float32)
        if place % 4 == 3:
            values = np.floor(np.exp(values) * 10)
        columns[f"f{place:02}"] = values + np.float32(moved * place / COLUMNS)
    return pl.DataFrame(columns)


# ------------------------------------------------- contenders: each prints seconds of its own, and its peak


def ours(folder: Path) -> None:
    """Everything that the monitor says of the files, from a baseline that was written when training ended."""
    from isthmus.monitor.baseline import read_baseline
    from isthmus.monitor.drift import Rule, drifts
    from isthmus.monitor.profile import statistics
    from isthmus.monitor.sketch import sketch

    baseline, _ = read_baseline(folder / "baseline" / "baseline.json")
    found = sketch(_batches(folder), baseline)
    statistics(found.columns)
    drifts(baseline, found.columns, Rule())


def lines(folder: Path) -> None:
    """The same of captured JSON lines, joined with their labels."""
    from isthmus.monitor.baseline import read_baseline
    from isthmus.monitor.capture import Format, batches
    from isthmus.monitor.drift import Rule, drifts
    from isthmus.monitor.labels import MOST, read_labels
    from isthmus.monitor.profile import statistics
    from isthmus.monitor.seen import see

    baseline, _ = read_baseline(folder / "baseline" / "baseline.json")
    form = Format({name: one.kind for name, one in baseline.items()})
    labels = read_labels(folder / "labels", MOST)
    seen = see(batches(folder / "captures", form), baseline, "prediction", labels, 0)
    if len(seen.judged) != len(labels.by_id) or seen.bad:
        sys.exit(f"{seen.sketch.rows} rows, {len(seen.judged)} judged: {seen.bad[:1]}")
    statistics(seen.sketch.columns)
    drifts(baseline, seen.sketch.columns, Rule())


def read(folder: Path) -> None:
    """The same reader, and nothing done with what it gives."""
    for _ in _batches(folder):
        pass


def read_lines(folder: Path) -> None:
    """Captures and labels as JSON by polars, and nothing done with them."""
    import polars as pl

    for file in sorted(folder.glob("*/*.jsonl")):
        pl.read_ndjson(file)


def _batches(folder: Path) -> Iterator[object]:
    from isthmus.monitor.parquet import frames

    for file in sorted((folder / "now").glob("*.parquet")):
        yield from frames(file, [f"f{place:02}" for place in range(COLUMNS)])


def with_pandas(folder: Path) -> None:
    """The same distances by pandas, numpy and scipy, a column at a time."""
    import numpy as np
    import pandas as pd
    from scipy import stats

    before, now = _tables(folder, pd)
    for name in before.columns:
        was, is_ = before[name].to_numpy(), now[name].to_numpy()
        stats.ks_2samp(was, is_, method="asymp")
        stats.wasserstein_distance(was, is_)
        edges = np.unique(np.quantile(was, np.arange(1, 10) / 10))
        bins = [np.bincount(np.searchsorted(edges, side), minlength=len(edges) + 1) for side in (was, is_)]
        stats.chi2_contingency(np.array(bins) + 1)
        now[name].describe()


def evidently(folder: Path) -> None:
    """Its preset for drift of a data set."""
    import pandas as pd
    from evidently import Report
    from evidently.presets import DataDriftPreset

    before, now = _tables(folder, pd)
    Report([DataDriftPreset()]).run(now, before)


def evidently_of_lines(folder: Path) -> None:
    """The same of captures."""
    from io import StringIO

    import pandas as pd
    from evidently import Report
    from evidently.presets import DataDriftPreset

    texts = []
    for file in sorted((folder / "captures").glob("*.jsonl")):
        with file.open() as found:
            texts += [json.loads(line)["captureData"]["endpointInput"]["data"] for line in found]
    head = texts[0].splitlines()[0]
    now = pd.read_csv(StringIO("\n".join([head, *(text.splitlines()[1] for text in texts)])))
    Report([DataDriftPreset()]).run(now, pd.read_parquet(folder / "before.parquet"))


def _tables(folder: Path, pandas):
    file = sorted((folder / "now").glob("*.parquet"))[0]
    return pandas.read_parquet(folder / "before.parquet"), pandas.read_parquet(file)[:MOST_IN_MEMORY]


CONTENDERS: dict[str, Callable[[Path], None]] = {
    "ours": ours,
    "lines": lines,
    "read": read,
    "pandas": with_pandas,
    "evidently": evidently,
    "read-lines": read_lines,
    "evidently-lines": evidently_of_lines,
}


def contend(name: str, folder: Path) -> None:
    """Run a contender once and say what it took; what it imports is not counted."""
    _imports(name)
    start, used = time.perf_counter(), time.process_time()
    CONTENDERS[name](folder)
    took = {"seconds": time.perf_counter() - start, "cpu_seconds": time.process_time() - used}
    print(json.dumps(took | {"peak_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024}))


def _imports(name: str) -> None:
    used = ("baseline", "capture", "drift", "parquet", "profile", "seen", "sketch")
    ours = [f"isthmus.monitor.{module}" for module in used]
    theirs = {"pandas": ["pandas", "scipy.stats"], "evidently": ["pandas", "evidently", "evidently.presets"]}
    for module in theirs.get(name.removesuffix("-lines"), ours):
        import_module(module)


# ------------------------------------------------------------------------------------- the whole comparison


def timed(name: str, folder: Path, python: str = sys.executable) -> dict[str, float]:
    command = [python, __file__, "--contender", name, "--folder", str(folder)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        sys.exit(f"{name}: {done.stderr.strip()[-2000:]}")
    return json.loads(done.stdout.splitlines()[-1])


def environment() -> str:
    """The Python that has Evidently; its environment is made from the lock where it is not there yet."""
    python = EVIDENTLY / "bin" / "python"
    if not (EVIDENTLY / "installed").exists():
        uv = [str(Path(sys.executable).with_name("uv"))]
        subprocess.run([*uv, "venv", "--quiet", "--clear", "--python", sys.executable, EVIDENTLY], check=True)
        install = ["pip", "install", "--quiet", "--python", python, "--require-hashes", "-r", LOCK]
        subprocess.run([*uv, *install], check=True)
        (EVIDENTLY / "installed").touch()
    return str(python)


def trained(folder: Path) -> None:
    """Rows of training, and the baseline that is left of them."""
    import polars as pl

    from isthmus.monitor.baseline import write_baseline

    (folder / "was").mkdir()
    generate(folder / "was", BASELINE_ROWS, 1, 0.0)
    before = pl.read_parquet(folder / "was" / "*.parquet")
    before.write_parquet(folder / "before.parquet")
    write_baseline(before, folder / "baseline", features=before.columns, target="")


def captured(rows: int, folder: Path) -> dict[str, float]:
    python = environment()
    trained(folder)
    write_captures(folder, rows)
    timed("read-lines", folder)
    reading, mine = timed("read-lines", folder), timed("lines", folder)
    held = min(rows, MOST_IN_MEMORY)
    if rows > held:
        sys.exit(f"Evidently holds {held:,} rows of captures at most")
    theirs = timed("evidently-lines", folder, python)
    return {
        "rows": rows,
        "seconds": round(mine["seconds"], 3),
        "cpu_seconds": round(mine["cpu_seconds"], 3),
        "seconds_evidently": round(theirs["seconds"], 3),
        "cpu_seconds_evidently": round(theirs["cpu_seconds"], 3),
        "seconds_read": round(reading["seconds"], 3),
        "cpu_seconds_read": round(reading["cpu_seconds"], 3),
        "speedup_evidently": round(theirs["seconds"] / mine["seconds"], 1),
        "ratio_read": round(mine["seconds"] / reading["seconds"], 2),
        "peak_mb": round(mine["peak_mb"]),
        "peak_mb_evidently": round(theirs["peak_mb"]),
    }


def compare(rows: int, folder: Path) -> dict[str, float]:
    python = environment()
    trained(folder)
    (folder / "now").mkdir()
    generate(folder / "now", rows, 2, 0.5)
    # The first to read a file reads it from the disk for all.
    timed("read", folder)
    reading, mine = timed("read", folder), timed("ours", folder)
    held = min(rows, MOST_IN_MEMORY)
    theirs = {name: timed(name, folder, python) for name in ("evidently", "pandas")}
    seconds = {name: one["seconds"] * rows / held for name, one in theirs.items()}
    return {
        "rows": rows,
        "seconds": round(mine["seconds"], 3),
        "cpu_seconds": round(mine["cpu_seconds"], 3),
        "seconds_evidently": round(seconds["evidently"], 3),
        "seconds_pandas": round(seconds["pandas"], 3),
        "seconds_read": round(reading["seconds"], 3),
        "cpu_seconds_read": round(reading["cpu_seconds"], 3),
        "speedup_evidently": round(seconds["evidently"] / mine["seconds"], 1),
        "speedup_pandas": round(seconds["pandas"] / mine["seconds"], 1),
        "ratio_read": round(mine["seconds"] / reading["seconds"], 2),
        "peak_mb": round(mine["peak_mb"]),
        "peak_mb_evidently": round(theirs["evidently"]["peak_mb"]),
        "rows_evidently": held,
    }


def missed(found: dict[str, float]) -> list[str]:
    """The aims that the figures do not reach."""
    aims = {
        f"{found['speedup_evidently']} times as fast as Evidently, not 10": found["speedup_evidently"] >= 10,
        f"{found['ratio_read']} times as long as reading, not 3": found["ratio_read"] <= 3,
        f"a peak of {found['peak_mb']} MB, not 2000": found["peak_mb"] < 2000,
    }
    return [said for said, reached in aims.items() if not reached]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--json", action="store_true", help="Print one JSON object as the last line.")
    parser.add_argument("--lines", action="store_true", help="Read JSON lines with labels instead.")
    parser.add_argument("--contender", choices=CONTENDERS, help=argparse.SUPPRESS)
    parser.add_argument("--folder", type=Path, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.contender:
        contend(given.contender, given.folder)
        return
    with tempfile.TemporaryDirectory() as folder:
        found = (captured if given.lines else compare)(given.rows, Path(folder))
    if given.json:
        print(json.dumps(found))
    else:
        for name, value in found.items():
            print(f"{name:<18} {value:,}")
    if short := missed(found):
        sys.exit(f"missed: {'; '.join(short)}")


if __name__ == "__main__":
    main()
