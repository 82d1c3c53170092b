"""Evidently, in its own environment: psi of 30 columns, a report a day.   python job_evidently.py LOG REFERENCE DAYS"""

import sys

import pandas as pd
from evidently import DataDefinition, Dataset, Report
from evidently.presets import DataDriftPreset

log, reference = (pd.read_parquet(path) for path in sys.argv[1:3])
numbers, texts = [f"n{i:02d}" for i in range(22)], [f"c{i}" for i in range(8)]
definition = DataDefinition(numerical_columns=numbers, categorical_columns=texts)
known = Dataset.from_pandas(reference[numbers + texts], data_definition=definition)
days = [part[numbers + texts] for _, part in log.groupby(log["ts"].dt.floor("D"))][: int(sys.argv[3])]
for day in days:
    Report([DataDriftPreset(method="psi")]).run(Dataset.from_pandas(day, data_definition=definition), known).dict()
print(len(days))
