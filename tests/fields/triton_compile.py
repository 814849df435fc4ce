"""Compile every kernel for compute capability 9.0, which takes no device; run by `test_triton_engine.py`."""

import triton
from triton.backends.compiler import GPUTarget
from triton.compiler import ASTSource

from tg_molfield.fields.engine.triton import cells, grid_kernels, point_kernels

TYPES = {
    **dict.fromkeys(("batch", "order", "point_order", "shapes"), "*i64"),
    **dict.fromkeys(("blocks", "starts", "keys"), "*i32"),
    **dict.fromkeys(("frames", "inverses"), "*fp64"),
    **dict.fromkeys(("points", "num_graphs", "n", "rows"), "i32"),
    "reach": "fp32",
}
SUM = {"CHANNELS": 5, "PHI": "gaussian"}
BLOCK = {"BX": 4, "BY": 4, "BZ": 16, "PADDED": 8}
TILE = {"T": 64, "K": 32, "PADDED": 16}


def compile_kernel(kernel: triton.JITFunction, **constants: object) -> None:
    names = list(kernel.arg_names)
    signature = {name: "constexpr" if name in constants else TYPES.get(name, "*fp32") for name in names}
    values = {(names.index(name),): value for name, value in constants.items()}
    triton.compile(ASTSource(kernel, signature, values), target=GPUTarget("cuda", 90, 32))


if __name__ == "__main__":
    compile_kernel(cells._write_keys, STEP=3, BLOCK=256)
    compile_kernel(grid_kernels.grid_sums, **SUM, **BLOCK, AXES=2, STEPS=0, CENTER_STEP=4, WIDTH_STEP=4)
    compile_kernel(
        grid_kernels.grid_sums, **{**SUM, "PHI": "coulomb"}, **BLOCK, AXES=0, STEPS=4, CENTER_STEP=3, WIDTH_STEP=1
    )
    for by_weight in (True, False):
        compile_kernel(
            grid_kernels.grid_gradients, **SUM, BY_WEIGHT=by_weight, ORTHOGONAL=by_weight, J=8, K=32, PADDED=8
        )
    for gradient in (True, False):
        compile_kernel(point_kernels.point_sums, **SUM, **TILE, GRADIENT=gradient, SORTED=True)
    compile_kernel(point_kernels.point_gradients, **SUM, **TILE, SORTED=False)
    compile_kernel(point_kernels.center_gradients, **SUM, **TILE, SORTED=True, POINTS_SORTED=True)
