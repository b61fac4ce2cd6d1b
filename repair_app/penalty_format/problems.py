"""Why a file as a whole cannot be read as penalties."""

from typing import Final

FILE_MESSAGES: Final[dict[str, tuple[str, str]]] = {
    "empty": ("文件中没有数据", "the file holds no data"),
    "too_large": ("文件超过 {detail} MB", "the file is larger than {detail} MB"),
    "not_a_table": (
        "不是 CSV 或 XLSX 文件，请另存为其中一种",
        "neither CSV nor XLSX: save the file as one of them",
    ),
    "old_excel": (
        "是旧版 Excel（.xls）或加密文件，请另存为不加密的 XLSX",
        "an old Excel file (.xls) or an encrypted one: save it as XLSX without a password",
    ),
    "encoding": (
        "第 {detail} 行起不是有效的文本编码，请另存为 UTF-8",
        "from line {detail} on the text is in no encoding that is known: save it as UTF-8",
    ),
    "no_headings": (
        "第一行不是列名，请核对文件内容是否选对；列名应在第一行，之上不留标题，例如：{detail}",
        "the first row is no headings: choose the right kind, put them first, such as {detail}",
    ),
    "missing_columns": (
        "缺少必需的列：{detail}",
        "columns that must be there are missing: {detail}",
    ),
    "repeated_columns": (
        "以下列重复（或同一列用了两个名称）：{detail}",
        "columns that stand twice, or under two names: {detail}",
    ),
    "xlsx_bomb": (
        "压缩文件解压后异常大，已拒绝打开",
        "the archive swells abnormally when unpacked, so it was not opened",
    ),
    "xlsx_too_wide": (
        "工作表范围过大，请删除数据区之外的空行、空列后重试",
        "the sheet reaches too far: delete the empty rows and columns around the data",
    ),
    "xlsx_damaged": (
        "工作簿已损坏或不是标准的 XLSX，请重新另存",
        "the workbook is damaged or no standard XLSX: save it again",
    ),
    "xlsx_password": ("工作簿已加密，请取消密码", "the workbook is encrypted: remove the password"),
}
"""What each code of a file's problem says, in Chinese and English."""


class FileProblem(Exception):
    """No row of the file can be read; `code` is a key of `FILE_MESSAGES`."""

    def __init__(self, code: str, zh: str, en: str) -> None:
        super().__init__(f"{code}: {en}")
        self.code = code
        self.zh = zh
        self.en = en

    def text(self, lang: str) -> str:
        """Return the message in Chinese for `zh` and its variants, else in English."""
        return self.zh if lang.lower().startswith("zh") else self.en


def find_file_problem(code: str, detail: str = "", detail_en: str = "") -> FileProblem:
    """Return the problem with its words; `detail` is what they leave open, `detail_en` in English.

    Without the second the first is said in both.
    """
    zh, en = FILE_MESSAGES[code]
    in_english = en.replace("{detail}", detail_en or detail)
    return FileProblem(code, zh.replace("{detail}", detail), in_english)
