"""The language of the code, the tests and the documentation: plain words, one term for one thing."""

import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
FOLDERS = ('.ci', 'docs', 'ginga_crplugin', 'tests')
FILES = ('CHANGES.rst', 'CITATION.cff', 'README.md', 'pyproject.toml')
#: Folders of generated files.
GENERATED = ('docs/_build/', 'docs/api/')
TEXT = {'', '.cff', '.cfg', '.css', '.html', '.ipynb', '.js', '.md', '.py', '.rst', '.toml', '.txt', '.yaml'}

#: Figures of speech and private terms, with the term to use instead. Letters alone bound a word, so that parts of
#: identifiers are found too.
BANNED = {
    r'the rooms?': 'package, module',
    r'rooms? (?:of|for)': 'package, module',
    r'storeys?': 'layer',
    r'(?:take|takes|took|taking|taken) up': 'restore, accept',
    r'let go': 'release, discard',
    r'left aside': 'ignored',
    r'beside itself': 'side by side',
    r'speaks? against': 'sign of another cause, problem',
    r'as it stands': 'unchanged',
    r'told': 'named, given, distinguished',
    r'heard': 'event, callback',
    r'wish(?:es|ed)?': 'settings, request',
    r'verdicts?': 'decision',
    r'judge?ments?|judge[sd]?|judging': 'review, decide',
    r'colour(?:s|ed|ing|less)?': 'color',
    r'grey(?:s|ed|ish)?': 'gray',
}
_SPACE = r'\s[\s#*:]*'  # also the end of a line, of a comment too
_BANNED = re.compile(rf'(?<![a-z])(?:{"|".join(BANNED)})(?![a-z])'.replace(' ', _SPACE), re.IGNORECASE)

#: Files whose text has not been revised yet.
PENDING: tuple[str, ...] = ()


def text_files():
    """Yield each text file of the repository, as its path below the root."""
    for folder in FOLDERS:
        for path in sorted((ROOT / folder).rglob('*')):
            name = path.relative_to(ROOT).as_posix()
            if path.is_file() and path.suffix in TEXT and '__pycache__' not in name and not name.startswith(GENERATED):
                yield name
    yield from (name for name in FILES if (ROOT / name).exists())


def banned_phrases(text):
    """Return the line number and the words of each banned phrase."""
    return [(text.count('\n', 0, match.start()) + 1, match[0]) for match in _BANNED.finditer(text)]


def test_no_file_has_a_banned_phrase():
    own = Path(__file__).relative_to(ROOT).as_posix()
    found = [
        f'{name}:{line}: {phrase!r}'
        for name in text_files()
        if name != own and name not in PENDING
        for line, phrase in banned_phrases((ROOT / name).read_text(encoding='utf-8'))
    ]
    assert not found, '\n'.join(found)


def test_banned_phrases_are_found():
    assert banned_phrases('The room of files.') == [(1, 'The room')]
    assert banned_phrases('plain\n# what is taken\n# up again') == [(2, 'taken\n# up')]
    assert banned_phrases('was_told = GREY') == [(1, 'told'), (1, 'GREY')]
    assert banned_phrases('mushroom of, greyhound, untold, a threshold for each color') == []
