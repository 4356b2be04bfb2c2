LOSSES: tuple[str, ...]
TRANSFORMS: tuple[str, ...]
TERMS: tuple[str, ...]
PARAMETERS: tuple[str, ...]
W_LOW: float
W_HIGH: float
LOG_B_LOW: float
LOG_B_HIGH: float
FLOAT32: int
FLOAT64: int
BFLOAT16: int
FLOAT16: int
INT8: int
UINT8: int
INT16: int
INT32: int
INT64: int
VERSION: str

class Loss:
    def __new__(cls, kind: str, style: str, learn: int, ignore_index: int | None, numbers: tuple[float, ...], /) -> Loss: ...
    def evaluate(
        self, *arguments: object
    ) -> tuple[float, tuple[float, ...], tuple[float, ...], float, int, int]: ...
    def weights(
        self, values: tuple[float, ...] | None, epoch: float, /
    ) -> tuple[tuple[float, float, float], tuple[float, float, float]]: ...

def parts(kind: str, /) -> tuple[str, ...]: ...
def defaults(kind: str, /) -> tuple[float, ...]: ...
def cpu() -> str: ...
