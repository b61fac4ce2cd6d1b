"""The unified social credit code (GB 32100-2015)."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from stdnum.cn import uscc as stdnum_uscc

from repair_app.penalty_format import InvalidUscc, check_uscc, is_uscc, normalise_uscc
from repair_app.penalty_format.uscc import has_check_character

ALPHABET = "0123456789ABCDEFGHJKLMNPQRTUWXY"
SAMPLE = "91370202MADEM0011A"  # invented; its check character is right


def with_check(body: str) -> str:
    """Return a code from its 17 characters as the standard reckons: weights 3^i modulo 31."""
    total = sum(ALPHABET.index(letter) * pow(3, place, 31) for place, letter in enumerate(body))
    return body + ALPHABET[-total % 31]


def flaw_of(text: str) -> str:
    with pytest.raises(InvalidUscc) as caught:
        check_uscc(text)
    return caught.value.code


@pytest.mark.parametrize(
    "written",
    [
        SAMPLE,
        SAMPLE.lower(),
        f"  {SAMPLE}\t",
        "91370202 MADEM0011 A",
        "91370202-MADEM0011-A",
        "\ufeff91370202\u200bMADEM0011A",
        "".join(chr(ord(letter) + 0xFEE0) for letter in SAMPLE),
        "\u300091370202MADEM0011A",
    ],
)
def test_a_code_is_the_same_in_whatever_width_case_and_spacing(written: str) -> None:
    assert check_uscc(written) == SAMPLE


@pytest.mark.parametrize("department", ["A1", "N2", "Y1", "11", "52", "92"])
def test_departments_that_are_letters_are_lawful(department: str) -> None:
    code = with_check(f"{department}370102MADEM0099")
    assert check_uscc(code) == code


def test_a_region_that_was_abolished_is_still_a_region() -> None:
    assert is_uscc(with_check("91379999MADEM0011"))


@pytest.mark.parametrize("place", range(18))
def test_one_wrong_character_is_always_found(place: int) -> None:
    for letter in ALPHABET:
        if letter != SAMPLE[place]:
            wrong = SAMPLE[:place] + letter + SAMPLE[place + 1 :]
            assert not is_uscc(wrong)


def test_two_neighbours_that_changed_places_are_found() -> None:
    assert flaw_of("91370202MADEM0101A") == "uscc_check"


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("", "uscc_length"),
        (SAMPLE[:-1], "uscc_length"),
        (SAMPLE + "0", "uscc_length"),
        ("9" * 100_000, "uscc_length"),
        ("91370202MADEM001IA", "uscc_character"),
        ("91370202MADEM00O1A", "uscc_character"),
        ("91370202MАDEM0011A", "uscc_character"),  # the second A is Cyrillic
        ("９1370202MADEM００11\ud800", "uscc_character"),
        ("91370202MADEM00²1A", "uscc_character"),
        ("9137A202MADEM0011A", "uscc_layout"),
        ("000000000000000000", "uscc_placeholder"),
        ("9.1370202E+17", "uscc_number"),
        ("9.1370202e+17", "uscc_number"),
        ("911370202000000000.0", "uscc_number"),
        ("91370202MADEM0011B", "uscc_check"),
    ],
)
def test_what_is_no_code_is_told_why(text: str, code: str) -> None:
    assert flaw_of(text) == code


def test_an_organisation_part_of_zeros_is_a_placeholder() -> None:
    assert flaw_of(with_check("91370102" + "0" * 9)) == "uscc_placeholder"


def test_the_number_of_an_identity_card_is_a_natural_person() -> None:
    body = "37010219900101001"  # nobody's: GB 11643 weights are 2^i modulo 11 from the right
    total = sum(int(digit) * pow(2, 17 - place, 11) for place, digit in enumerate(body))
    assert flaw_of(body + "10X98765432"[total % 11]) == "natural_person"


@given(st.text(alphabet=st.characters(), max_size=40))
def test_any_text_is_a_code_or_not_one(text: str) -> None:
    if is_uscc(text):
        code = check_uscc(text)
        assert check_uscc(code) == code == normalise_uscc(text)
        assert code == with_check(code[:17])


@given(st.text(alphabet=ALPHABET, min_size=9, max_size=9), st.integers(100000, 659999))
def test_every_code_of_the_standard_is_taken(organisation: str, region: int) -> None:
    code = with_check(f"91{region}{organisation}")
    if organisation != "000000000" and not code.isdigit():
        assert is_uscc(code)


@given(st.text(alphabet=ALPHABET, min_size=17, max_size=17), st.sampled_from(ALPHABET))
def test_the_check_character_is_that_of_python_stdnum(body: str, last: str) -> None:
    assert has_check_character(body + last) == (stdnum_uscc.calc_check_digit(body) == last)
    assert has_check_character(body + stdnum_uscc.calc_check_digit(body))
