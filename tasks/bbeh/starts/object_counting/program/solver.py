"""Counts things of two kinds that a person has, without a model."""

import re

FRUITS = """apple apricot banana blackberry blueberry breadfruit cantaloupe cherry clementine coconut cranberry currant date
dragonfruit durian elderberry fig gooseberry grape grapefruit guava honeydew jackfruit kiwi kumquat lemon lime lychee mandarin
mango melon mulberry nectarine olive orange papaya peach pear persimmon pineapple plantain plum pomegranate quince raspberry
starfruit strawberry tangerine watermelon""".split()
INSTRUMENTS = """accordion bagpipe balalaika banjo bass bassoon bongo castanet cello clarinet clavichord conga cornet cymbal
didgeridoo drum dulcimer flute gong guitar harmonica harp harpsichord horn kazoo keyboard lute lyre mandolin maraca marimba
oboe ocarina organ panpipe piano piccolo recorder saxophone sitar synthesizer tambourine timpani triangle trombone trumpet tuba
ukulele viola violin xylophone zither""".split()


def solve(question: str) -> str:
    """The sum, or the absolute difference, of the numbers of the two kinds that the question asks for."""
    asked = re.search(r"the (sum|absolute difference) of the total number of (.+) and (.+) that I have", question)
    if not asked:
        return ""
    totals = dict.fromkeys(asked.groups()[1:], 0)
    told = re.sub(r"\([^)]*\)", "", question)  # how the number came about
    for number, thing in re.findall(r"\bI (?:also )?have (an?|\d+) ([^.]+)", told):
        kind = kind_of(thing.strip())
        if kind in totals:
            totals[kind] += int(number) if number.isdigit() else 1
    first, second = totals.values()
    return str(first + second if asked[1] == "sum" else abs(first - second))


def kind_of(thing: str) -> str:
    """Which kind of things `thing` (a plural) is; what is in no list is an animal."""
    last = thing.split()[-1]
    singular = {last, last.removesuffix("s"), last.removesuffix("es")}
    if singular & {"car"}:
        return "cars"
    if singular & {"mobile"}:
        return "mobiles"
    if singular & set(FRUITS):
        return "fruits"
    return "musical instruments" if singular & set(INSTRUMENTS) else "animals/insects"
