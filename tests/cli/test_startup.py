import subprocess
import sys


def test_help_imports_nothing_heavy():
    check = "import sys, tg_molfield.cli; assert not {'torch', 'numpy', 'ase', 'rdkit', 'yaml'} & set(sys.modules)"
    subprocess.run([sys.executable, "-c", check], check=True)


def test_the_package_runs_as_the_command():
    found = subprocess.run(
        [sys.executable, "-m", "tg_molfield", "--version"], check=True, capture_output=True, text=True
    )
    assert found.stdout.startswith("tg-molfield ")
    wrong = subprocess.run([sys.executable, "-m", "tg_molfield", "info", "nowhere.sdf"], capture_output=True, text=True)
    assert wrong.returncode == 1
    assert wrong.stderr.startswith("error: ")
