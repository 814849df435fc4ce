"""Write the field of an ASE molecule to a CUBE file, which ASE, VMD, PyMOL and ChimeraX can read."""

import tempfile
from pathlib import Path

from ase.build import molecule
from ase.io.cube import read_cube

from tg_molfield import Grid, MolField, from_ase


def main() -> None:
    data = from_ase(molecule("C6H6"))
    field = MolField("H C", kernel="gaussian")(data)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "benzene.cube"
        field.on(Grid.around(data.pos, spacing=0.25)).save(path)
        with path.open() as stream:
            content = read_cube(stream)
    print(f"{content['atoms'].get_chemical_formula()}, channels {field.channels}, grid {content['datas'].shape[1:]}")


if __name__ == "__main__":
    main()
