"""`python -m isthmus.container.predict MODEL ROWS OUT`: what a model artifact answers for rows in a CSV file.

A process of its own, so that an older version's code never meets the newer one's: it answers as it serves.
"""

from __future__ import annotations

import sys
from pathlib import Path

from isthmus.container import payload
from isthmus.container.artifact import inference, missing_marks


def main() -> None:
    model, rows, out = (Path(one) for one in sys.argv[1:4])
    module = inference(model)
    frame = payload.read(rows.read_bytes(), "text/csv", module.features(model), missing_marks(model))
    predicted = module.predict_fn(frame, module.model_fn(model))
    out.write_text(payload.write(list(predicted), "text/csv")[0])


if __name__ == "__main__":
    main()
