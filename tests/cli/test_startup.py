import subprocess
import sys


def test_help_imports_nothing_heavy():
    check = "import sys, tg_molfield.cli; assert not {'torch', 'numpy', 'ase', 'rdkit', 'yaml'} & set(sys.modules)"
    subprocess.run([sys.executable, "-c", check], check=True)
