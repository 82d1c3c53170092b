"""Load the bundled sample: nine months of served flights, three training sets, the labels, the features
recomputed by training's code, the manifests of its versions."""

from collections.abc import Callable
from pathlib import Path

from data.load import Loaded, load
from data.manifests import keep
from data.roles import load_yaml
from data.store import Store

HERE = Path(__file__).parent
MODEL = "flight-delay"
VERSIONS = ("v1", "v2", "v3")


def load_sample(store: Store, progress: Callable[[str, float], None]) -> list[Loaded]:
    """Load every file of the sample as the model `flight-delay`. What was loaded before is passed over."""
    roles = load_yaml(HERE / "roles.yaml")
    jobs: list[tuple[str, str | None, list[Path]]] = [("reference", v, [HERE / f"training-{v}.parquet"]) for v in VERSIONS]
    jobs += [
        ("log", None, sorted(HERE.glob("log-*.parquet"))),
        ("training", None, [HERE / "recomputed.parquet"]),
        ("labels", None, [HERE / "labels.parquet"]),
    ]
    done: list[Loaded] = []
    for i, (dataset, version, files) in enumerate(jobs):
        progress(f"load {dataset} {version or ''}".rstrip(), i / len(jobs))
        done += load(store, files, MODEL, dataset, version, roles, names=[f.name for f in files])
    for manifest in sorted(HERE.glob("manifest-*.json")):
        keep.add(store, manifest, MODEL, name=manifest.name)
    progress("load", 1.0)
    return done
