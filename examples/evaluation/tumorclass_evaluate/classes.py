"""The seven classes, in the order of the published network."""

CODES = ("HGG", "LGG", "METS", "PA", "AN", "HLTH", "MEN")
NAMES = ("high-grade glioma", "low-grade glioma", "brain metastasis", "pituitary adenoma", "acoustic neuroma",
         "healthy", "meningioma")
HEALTHY = CODES.index("HLTH")
NO_CLASS = -1  # of a scan that could not be classified


def _plain(text):
    return " ".join(text.lower().replace("_", " ").replace("-", " ").split())


_INDEX = {_plain(word): index for words in (CODES, NAMES) for index, word in enumerate(words)}


def index_of(text):
    """The class of a code or name, whatever its case; None: there is no such class."""
    return _INDEX.get(_plain(text))


def code_of(index):
    return "no class" if index == NO_CLASS else CODES[index]
