"""Addresses by grammar: what stands around the open names, in English, Chinese and the languages of the continent."""

import pytest

from governance.privacy.detectors import Kind, scan

# (text, the address in it)
ADDRESSES = [
    ("The address is 534 B Street.", "534 B Street"),
    ("It's at 123-01 Roosevelt Avenue.", "123-01 Roosevelt Avenue"),
    ("located at 9920 Northeast Cascades Parkway", "9920 Northeast Cascades Parkway"),
    ("947 Branham Lane # C, has 4 bedrooms", "947 Branham Lane # C"),
    ("at 1 Blue Jays Way now", "1 Blue Jays Way"),
    ("235 West 46th Street", "235 West 46th Street"),
    ("ship to 12 Main St. Apt. 5, Springfield, IL 62701", "12 Main St. Apt. 5, Springfield, IL 62701"),
    ("you find it at 251a chesterton road", "251a chesterton road"),
    ("78 - 80 milton road", "78 - 80 milton road"),
    ("they are located at trinity lane .", "trinity lane"),
    ("the address is Midsummer Common, 3 Park Street and the phone is", "Midsummer Common, 3 Park Street"),
    ("Send it to P.O. Box 149", "P.O. Box 149"),
    ("PSC 6293, Box 8158\nAPO AE 40218", "PSC 6293, Box 8158\nAPO AE 40218"),
    ("Villacher Strasse 89", "Villacher Strasse 89"),
    ("wohnt in der Lindenallee 12b", "Lindenallee 12b"),
    ("Magasinsgatan 7", "Magasinsgatan 7"),
    ("Via Franscini 71", "Via Franscini 71"),
    ("12 rue de Rivoli", "12 rue de Rivoli"),
    ("Mannerheimintie 5", "Mannerheimintie 5"),
    ("我住在朝阳区建国路88号现代城5号楼1203室，电话", "朝阳区建国路88号现代城5号楼1203室"),
    ("收货地址：湖北省武汉市洪山区珞喻路9号", "湖北省武汉市洪山区珞喻路9号"),
    ("好的，浙江省杭州市西湖区文三路460号5单元808。", "浙江省杭州市西湖区文三路460号5单元808"),
    ("地址在北土城西路103号（地铁十号健德门站A出口）。", "北土城西路103号（地铁十号健德门站A出口）"),
    ("北京市东城区钟楼湾胡同临9号", "北京市东城区钟楼湾胡同临9号"),
    ("家住沙河镇老牛湾村", "沙河镇老牛湾村"),
    ("海淀区知春路７６号", "海淀区知春路７６号"),
]
NOTHING = [
    "a 20 minute drive", "I took the 5 day road trip", "a 3 bed 2 bath place", "Wall Street fell by 3 percent",
    "In 2019 the company grew.", "It takes two ways.", "坐104路公交车到3号线", "这条路走到头", "他1号去北京市", "知道这个路数吗",
    "地址在北京市昌平区十三陵镇", "top 10 places in the world", "Spring 2019", "Engineering 101", "我是3号选手", "iPhone 15 on the way",
]  # fmt: skip


def addresses(text):
    return [text[span.start : span.end] for span in scan(text) if span.type is Kind.ADDRESS]


@pytest.mark.parametrize(("text", "value"), ADDRESSES)
def test_it_finds(text, value):
    assert addresses(text) == [value]


@pytest.mark.parametrize("text", NOTHING)
def test_it_leaves_alone(text):
    assert addresses(text) == []


def test_a_postcode_behind_an_address_is_a_finding_of_its_own():
    text = "it is located at 98 King Street , CB1 1LN ."
    assert [(str(span.type), text[span.start : span.end]) for span in scan(text)] == [
        ("ADDRESS", "98 King Street"), ("POSTCODE", "CB1 1LN"),
    ]  # fmt: skip
