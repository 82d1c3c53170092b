"""Each kind of manifest is told by its shape and read for what it says. The examples have the shapes that the formats' documents publish."""

import json
from pathlib import Path

import pytest

from data.errors import BadInput
from data.manifests.read import Read, read

SAMPLE = Path(__file__).parents[3] / "data" / "sample"
REQUIREMENTS = """\
# comment
--index-url https://user:secret@example.org/simple
numpy==2.4.6 \\
    --hash=sha256:4f1d \\
    --hash=sha256:9c2e
Scikit_Learn[extra]>=1.9,<2 ; python_version > "3.10"  # why
pandas
torch @ https://user:secret@example.org/torch-2.9.0-cp311-cp311-linux_x86_64.whl
-e git+https://token@github.com/acme/features.git@v1.2#egg=acme-features
git+https://github.com/acme/other.git
-r more.txt
"""
# PEP 751, section "Example", shortened.
PYLOCK = """\
lock-version = '1.0'
environments = ["sys_platform == 'win32'", "sys_platform == 'linux'"]
requires-python = '== 3.12'
created-by = 'mousebender'

[[packages]]
name = 'attrs'
version = '25.1.0'
requires-python = '>= 3.8'
wheels = [
  {name = 'attrs-25.1.0-py3-none-any.whl', url = 'https://example.org/attrs.whl', hashes = {sha256 = 'c75a69e2'}},
]
[[packages.attestation-identities]]
environment = 'release-pypi'
kind = 'GitHub'

[[packages]]
name = 'numpy'
version = '2.0.1'
marker = 'sys_platform == "linux"'

[[packages]]
name = 'numpy'
version = '1.26.4'
marker = 'sys_platform == "win32"'

[[packages]]
name = 'features'
vcs = {type = 'git', url = 'https://github.com/acme/features', commit-id = '4f2a91c'}
"""
CONDA = """\
name: churn
channels: [conda-forge, defaults]
dependencies:
  - python=3.11
  - numpy=1.26.4=py311h64a7726_0
  - conda-forge::lightgbm=4.7.0
  - scipy>=1.10
  - openssl
  - pip
  - pip:
      - shap==0.49.1
      - Some_Package
prefix: envs/churn
"""
CYCLONEDX = {
    "bomFormat": "CycloneDX", "specVersion": "1.6", "serialNumber": "urn:uuid:3e671687-395b-41f5-a30f-a58921a69b79", "version": 1,
    "metadata": {"timestamp": "2026-03-01T10:00:00Z", "component": {"type": "application", "name": "churn-service", "version": "7"}},
    "components": [
        {"type": "library", "name": "numpy", "version": "2.4.6", "purl": "pkg:pypi/numpy@2.4.6"},
        {"type": "library", "group": "org.apache", "name": "commons", "version": "1.2", "components": [
            {"type": "library", "name": "inner", "version": "0.1"}]},
        {"type": "file", "name": "README.md"},
        {"type": "operating-system", "name": "debian", "version": "12"},
    ],
}  # fmt: skip
CYCLONEDX_XML = """\
<?xml version="1.0" encoding="UTF-8"?>
<bom xmlns="http://cyclonedx.org/schema/bom/1.6" version="1">
  <metadata><component type="application"><name>churn-service</name><version>7</version></component></metadata>
  <components>
    <component type="library"><name>numpy</name><version>2.4.6</version><purl>pkg:pypi/numpy@2.4.6</purl></component>
    <component type="library"><group>org.apache</group><name>commons</name><version>1.2</version>
      <components><component type="library"><name>inner</name><version>0.1</version></component></components>
    </component>
  </components>
</bom>
"""
MLMODEL = """\
artifact_path: model
flavors:
  python_function:
    env: {conda: conda.yaml, virtualenv: python_env.yaml}
    loader_module: mlflow.sklearn
    model_path: model.pkl
    predict_fn: predict
    python_version: 3.11.7
  sklearn:
    code: null
    pickled_model: model.pkl
    serialization_format: cloudpickle
    sklearn_version: 1.9.1
mlflow_version: 2.16.2
model_uuid: 019fe4c303744ca0ace54ecd6fa109ef
run_id: 73ed5776f5e04e23be739d46812cb6bd
signature:
  inputs: '[{"type": "double", "name": "age", "required": true}, {"type": "string", "name": "plan", "required": true}]'
  outputs: '[{"type": "tensor", "tensor-spec": {"dtype": "int64", "shape": [-1]}}]'
  params: null
utc_time_created: '2026-03-01 14:50:01.769881'
"""


def written(folder: Path, name: str, text: str) -> Path:
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    return path


def model(folder: Path) -> Path:
    """A saved model, in the layout that MLflow writes."""
    written(folder, "MLmodel", MLMODEL)
    written(folder, "model.pkl", "weights")
    written(folder, "requirements.txt", "mlflow==2.16.2\nscikit-learn==1.9.1\nnumpy==2.4.6\n")
    written(
        folder,
        "conda.yaml",
        "name: mlflow-env\ndependencies:\n- python=3.11.7\n- pip<=24\n- pip:\n  - mlflow==2.16.2\n  - cloudpickle==3.1\n",
    )
    written(folder, "python_env.yaml", "python: 3.11.7\n")
    return folder


def run(store: Path, number: int, name: str, **parameters: str) -> Path:
    """A run of a local tracking store: a file for each parameter and tag, and a meta.yaml."""
    run_id = f"{number:032x}"
    written(
        store, "0/meta.yaml", "artifact_location: file:///mlruns/0\nexperiment_id: '0'\nlifecycle_stage: active\nname: Default\n"
    )
    folder = store / "0" / run_id
    meta = "artifact_uri: file:///x\nend_time: 1672364273335\nentry_point_name: ''\nexperiment_id: '0'\nlifecycle_stage: active\n"
    own = f"run_id: {run_id}\nrun_name: {name}\nrun_uuid: {run_id}\n"
    written(folder, "meta.yaml", f"{meta}{own}start_time: 1672364273319\nstatus: 3\ntags: []\nuser_id: anna\n")
    for key, value in parameters.items():
        written(folder, f"params/{key}", value)
    for key, value in {"runName": name, "user": "anna", "source.git.commit": "4f2a91c0" * 5, "source.name": "train.py"}.items():
        written(folder, f"tags/mlflow.{key}", value)
    written(folder, "metrics/loss", "1672364273320 0.4 0\n")
    return folder


def test_our_own_manifests_of_the_sample():
    found = read(SAMPLE / "manifest-v2-2013-09-02.json")
    assert found.kind == "manifest"
    assert (found.body["model"], found.body["version"], found.body["since"]) == (
        "flight-delay",
        "v2",
        "2013-09-02T00:00:00+00:00",
    )
    assert found.body["packages"] == {"numpy": "2.4.6", "scikit-learn": "1.9.1"}
    assert found.body["training"] == {"": "f5db7cef565d21b0bbee080762fa5d0505eac514ad4ba2f2a3d3fdb2c94010bf"}
    assert found.body["parameters"]["training_rows"] == "133563"
    assert found.body["releases"][1] == ["2013-07-08", "2.1.0"]
    assert len(found.body["features"]) == 15


def test_requirements(tmp_path):
    written(tmp_path, "more.txt", "-r requirements.txt\nscipy===1.17.1\n")
    found = read(written(tmp_path, "requirements.txt", REQUIREMENTS))
    assert found.kind == "requirements"
    assert found.body["packages"] == {
        "acme-features": "git+https://github.com/acme/features.git@v1.2#egg=acme-features", "numpy": "2.4.6",
        "other": "git+https://github.com/acme/other.git", "pandas": "any version", "scikit-learn": "<2,>=1.9", "scipy": "1.17.1",
        "torch": "https://example.org/torch-2.9.0-cp311-cp311-linux_x86_64.whl",
    }  # fmt: skip
    assert "token" not in json.dumps(found.body)
    assert "secret" not in json.dumps(found.body)


def test_a_line_that_is_no_requirement_is_named(tmp_path):
    with pytest.raises(BadInput, match=r'^r\.txt, line 2: expected a requirement such as numpy==2\.4\.6, found "numpy=2"'):
        read(written(tmp_path, "r.txt", "pandas==3.1.1\nnumpy=2\nscipy==1\n"))


def test_pylock(tmp_path):
    found = read(written(tmp_path, "pylock.toml", PYLOCK))
    listed = {"attrs": "25.1.0", "features": "4f2a91c", "numpy": "2.0.1 or 1.26.4"}
    assert found == Read("pylock", {"packages": listed, "python": "== 3.12"}, found.sha256)


def test_conda(tmp_path):
    found = read(written(tmp_path, "environment.yml", CONDA))
    assert (found.kind, found.body["python"]) == ("conda", "3.11")
    assert found.body["packages"] == {
        "lightgbm": "4.7.0", "numpy": "1.26.4", "openssl": "any version", "pip": "any version", "scipy": ">=1.10", "shap": "0.49.1",
        "some-package": "any version",
    }  # fmt: skip


def test_cyclonedx_in_json_and_in_xml_say_the_same(tmp_path):
    wanted = {"inner": "0.1", "numpy": "2.4.6", "org-apache/commons": "1.2"}
    for name, text in (("bom.json", json.dumps(CYCLONEDX)), ("bom.xml", CYCLONEDX_XML)):
        found = read(written(tmp_path, name, text))
        assert (found.kind, found.body) == ("CycloneDX", {"packages": wanted})


def test_a_saved_mlflow_model(tmp_path):
    found = read(model(tmp_path / "model"))
    assert found.kind == "MLflow model"
    assert found.body["packages"] == {
        "cloudpickle": "3.1",
        "mlflow": "2.16.2",
        "numpy": "2.4.6",
        "pip": "<=24",
        "scikit-learn": "1.9.1",
    }
    assert found.body["python"] == "3.11.7"
    assert found.body["features"] == ["age", "plan"]
    assert found.body["parameters"] == {"run": "73ed5776f5e04e23be739d46812cb6bd", "flavors": "sklearn"}
    again = read(tmp_path / "model" / "MLmodel").body["model_sha256"]
    assert found.body["model_sha256"] == again
    written(tmp_path / "model", "requirements.txt", "numpy==2.4.7")
    assert read(tmp_path / "model").body["model_sha256"] == again  # the weights are as they were
    written(tmp_path / "model", "model.pkl", "other weights")
    assert read(tmp_path / "model").body["model_sha256"] != again


def test_a_tracking_store_needs_to_know_which_run(tmp_path):
    store = tmp_path / "mlruns"
    first = run(store, 0xAB12CD34 << 96, "brave-dog", learning_rate="0.1")
    model(first / "artifacts" / "model")
    found = read(store)
    assert (found.kind, found.body["author"]) == ("MLflow run", "anna")
    assert found.body["parameters"] == {"learning_rate": "0.1"}
    assert found.body["code"] == {"commit": "4f2a91c0" * 5, "source": "train.py"}
    assert found.body["packages"]["numpy"] == "2.4.6"
    run(store, 0xFF << 120, "calm-cat", learning_rate="0.2")
    assert read(tmp_path, "calm-cat").body["parameters"] == {"learning_rate": "0.2"}  # the folder that holds mlruns
    assert read(store, "ab12").body["parameters"] == {"learning_rate": "0.1"}
    assert read(first).body["parameters"] == {"learning_rate": "0.1"}
    written(store, "models/churn/version-7/meta.yaml", f"name: churn\nversion: '7'\nrun_id: {0xFF << 120:032x}\n")
    assert read(store, "7").body["parameters"] == {"learning_rate": "0.2"}
    with pytest.raises(
        BadInput, match=r"2 runs, and none of them alone is \"v9\".*ab12cd34 \(brave-dog\), ff000000 \(calm-cat\)"
    ):
        read(store, "v9")


def test_the_model_of_a_run_lies_elsewhere_in_mlflow_3(tmp_path):
    own = run(tmp_path / "mlruns", 7, "a")
    folder = model(tmp_path / "mlruns" / "0" / "models" / "m-1" / "artifacts")
    written(folder, "MLmodel", MLMODEL.replace("73ed5776f5e04e23be739d46812cb6bd", own.name))
    assert read(tmp_path / "mlruns").body["features"] == ["age", "plan"]


@pytest.mark.parametrize(
    ("name", "text", "told"),
    [
        ("a.json", "{", "not readable as JSON"),
        ("a.json", '{"rows": 3}', r'neither a manifest \(docs/manifest.md\) nor a CycloneDX SBOM; its keys are "rows"'),
        ("a.json", '{"libraries": ["numpy"]}', "`libraries` takes an object"),
        ("a.json", '{"libraries": {}, "code": 3}', "`code` takes an object"),
        ("a.json", '{"bomFormat": "CycloneDX", "components": {}}', "`components` takes a list of objects"),
        ("a.xml", "<html></html>", 'its root is "html"'),
        ("a.xml", "<bom>", "not readable as XML"),
        ("pylock.toml", "lock-version = ", "not readable as TOML"),
        ("environment.yml", "dependencies:\n- [", "not readable as YAML"),
        ("a.txt", "Dear all,\nplease find attached the model.\n", "none of the kinds"),
        ("a.txt", "", "none of the kinds"),
    ],
)
def test_what_cannot_be_read_says_why(tmp_path, name, text, told):
    with pytest.raises(BadInput, match=told):
        read(written(tmp_path, name, text))


def test_what_is_not_there_or_no_text(tmp_path):
    with pytest.raises(BadInput, match="there is no such file"):
        read(tmp_path / "no.json")
    with pytest.raises(BadInput, match="no MLflow model"):
        read(tmp_path)
    (tmp_path / "model.pkl").write_bytes(b"\x80\x04\x95\xff")
    with pytest.raises(BadInput, match="not text in UTF-8"):
        read(tmp_path / "model.pkl")
