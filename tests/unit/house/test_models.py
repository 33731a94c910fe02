"""What the models in Spin name still exists: quick, and so before they are searched (make model)."""

import pathlib
import re
import sys

import dgramtest

sys.path.insert(0, str(pathlib.Path(dgramtest.TOP, "tests/model")))
import models  # noqa: E402


class Sources(dgramtest.Case):
    def test_what_is_modelled_exists(self):
        missing, count = [], 0
        for model, text in models.texts().items():
            for file, name in models.modelled(text):
                count += 1
                path = pathlib.Path(dgramtest.TOP, file)
                source = path.read_text(encoding="utf-8") if path.exists() else ""
                if not re.search(rf"^\w[^;=]*\b{name}\([^;]*\n\{{", source, re.MULTILINE):
                    missing.append(f"{model}: {name}() in {file}")
        self.assertEqual(missing, [])
        self.assertGreater(count, 50)

    def test_every_mutant_is_tried(self):
        written = {name for text in models.texts().values()
                   for name in re.findall(r"MUTANT_(\w+)", text)}
        tried = [name for names in models.MUTANTS.values() for name in names]
        self.assertEqual(sorted(written - {""}), sorted(tried))
        for file in {file for file, _ in models.MODELS.values()}:
            of_file = [name for model in models.MUTANTS for name in models.MUTANTS[model]
                       if models.MODELS[model][0] == file]
            self.assertGreaterEqual(len(of_file), 2, file)


dgramtest.main()
