"""YAML as people review it: keys in their order, pairs on one line, nothing told by reference."""

from typing import Any

import yaml

Loader: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)  # of libyaml, which is ten times as fast, where PyYAML was built with it


class _Dumper(yaml.SafeDumper):
    """No `&id001` where two entries share a value."""

    def ignore_aliases(self, data: Any) -> bool:  # noqa: ARG002 - the name and the argument are PyYAML's
        return True


_Dumper.add_representer(tuple, lambda dumper, values: dumper.represent_sequence("tag:yaml.org,2002:seq", values, flow_style=True))


def dump(value: Any) -> str:
    """A value as YAML text; tuples in flow style."""
    return str(yaml.dump(value, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=120))
