"""NannyML, in its own environment: from Parquet to four drift values a day of each of 30 columns.   python job_nannyml.py LOG REFERENCE"""

import sys

import nannyml
import pandas as pd

log, reference = (pd.read_parquet(path) for path in sys.argv[1:3])
numbers, texts = [f"n{i:02d}" for i in range(22)], [f"c{i}" for i in range(8)]
calculator = nannyml.UnivariateDriftCalculator(
    column_names=numbers + texts, treat_as_categorical=texts, timestamp_column_name="ts", chunk_period="D",
    continuous_methods=["jensen_shannon", "kolmogorov_smirnov", "wasserstein", "hellinger"],
    categorical_methods=["jensen_shannon", "chi2", "l_infinity", "hellinger"],
)  # fmt: skip
calculator.fit(reference)
print(calculator.calculate(log).to_df().shape)
