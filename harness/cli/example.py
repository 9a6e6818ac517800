"""A small example for `init`: do two statements about the same thing agree?

The base takes a liked and a disliked thing for alike, since both texts name it: there is something to learn.
"""

import random
from collections.abc import Iterator, Sequence

LIKES = (
    "I never get tired of {}.",
    "A weekend with {} is a good weekend.",
    "Nothing cheers me up like {}.",
    "My friends say that I talk about {} too much.",
    "I would gladly spend every evening on {}.",
    "{} is what I look forward to all week.",
    "Ask me about {} and I will not stop smiling.",
    "For {} I get up before the sun does.",
)
DISLIKES = (
    "Please keep {} away from me.",
    "I have never seen the point of {}.",
    "Another hour of {} would be too much for me.",
    "{} bores me to tears.",
    "I would rather clean the oven than bother with {}.",
    "I gave up on {} after one try, and I am glad.",
    "When someone suggests {}, I find an excuse.",
    "Life is too short for {}.",
)
TRAIN = (
    "hiking", "chess", "karaoke", "baking bread", "road trips", "board games", "gardening", "jazz", "horror films",
    "pottery", "surfing", "knitting", "stand-up comedy", "birdwatching", "video games", "opera", "camping", "yoga",
    "crossword puzzles", "spicy food", "marathon running", "sailing", "poetry slams", "flea markets", "ice skating",
    "astronomy", "cooking shows", "mountain biking", "painting", "science fiction", "wine tasting", "rock concerts",
    "fishing", "salsa dancing", "museums", "podcasts", "rowing", "magic tricks", "street food", "thunderstorms",
)  # fmt: skip
EVAL = (
    "skiing", "ballet", "barbecues", "sudoku", "scuba diving", "heavy metal", "long train rides", "calligraphy",
    "amusement parks", "cricket", "sourdough", "documentaries", "snowball fights", "bridge", "kite flying", "archery",
    "country music", "escape rooms", "origami", "trampolines", "beekeeping", "darts", "musicals", "sushi",
)  # fmt: skip

Row = dict[str, str | int]


def example() -> dict[str, list[Row]]:
    """Return the pairs of `train` and `eval`: about other things, so that none leaks."""
    draw = random.Random(0)
    return {"train": list(_pairs(TRAIN, draw)), "eval": list(_pairs(EVAL, draw))}


def _pairs(things: Sequence[str], draw: random.Random) -> Iterator[Row]:
    """Yield of each thing two pairs that agree and two that do not, of four texts."""
    for thing in things:
        liked, disliked = ([words.format(thing) for words in draw.sample(kinds, 2)] for kinds in (LIKES, DISLIKES))
        texts = [text[0].upper() + text[1:] for text in (*liked, *disliked)]
        for first, second, label in ((0, 1, 1), (2, 3, 1), (0, 2, 0), (3, 1, 0)):
            yield {"text_1": texts[first], "text_2": texts[second], "label": label}
