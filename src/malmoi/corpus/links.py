"""Links within a wiki: what of `[[…]]` a reader sees. Where it leads is of no interest here."""

import re

NAMESPACES = (
    "파일|그림|이미지|미디어|file|image|media|fichier|datei|bild|archivo|ファイル|画像|"
    "분류|category|catégorie|kategorie|カテゴリ"
)
"""What a link to a file or a category begins with; of a link to anything else the words stay."""
_DROPPED_NAMESPACE = re.compile(rf"\s*(?:{NAMESPACES})\s*:", re.IGNORECASE)
# Wikipedias by their codes: `[[en:Berlin]]` puts a link into the margin. `[[:en:Berlin]]` is one in the text.
_LANGUAGE_CODES = """
    aa ab ace af als am an ang ar arc arz as ast av ay az azb ba bar bat-smg bcl be be-tarask be-x-old bg bh bi
    bjn bm bn bo bpy br bs bug bxr ca cbk-zam cdo ce ceb ch chr chy ckb co cr crh cs csb cu cv cy da de diq dsb
    dv dz ee el eml en eo es et eu ext fa ff fi fiu-vro fj fo fr frp frr fur fy ga gag gan gd gl glk gn gom got
    gu gv ha hak haw he hi hif hr hsb ht hu hy ia id ie ig ik ilo io is it iu ja jam jbo jv ka kaa kab kbd kg ki
    kk kl km kn ko koi krc ks ksh ku kv kw ky la lad lb lbe lez lg li lij lmo ln lo lrc lt ltg lv lzh mai
    map-bms mdf mg mh mhr mi min mk ml mn mr mrj ms mt mwl my myv mzn na nah nan nap nb nds nds-nl ne new ng nl
    nn no nov nrm nso nv ny oc olo om or os pa pag pam pap pcd pdc pfl pi pih pl pms pnb pnt ps pt qu rm rmy rn
    ro roa-rup roa-tara ru rue rw sa sah sc scn sco sd se sg sh si simple sk sl sm sn so sq sr srn ss st stq su
    sv sw szl ta tcy te tet tg th ti tk tl tn to tpi tr ts tt tum tw ty tyv udm ug uk ur uz ve vec vep vi vls vo
    wa war wo wuu xal xh xmf yi yo yue za zea zh zh-classical zh-min-nan zh-yue zu
"""
_LANGUAGES = frozenset(_LANGUAGE_CODES.split())
_PROJECT_CODES = """
    w wikt wiktionary b wikibooks q wikiquote s wikisource n wikinews v wikiversity voy wikivoyage d wikidata c
    commons m meta mw species wikispecies foundation 위키낱말사전 위키문헌 위키인용집 위키책 위키백과
"""
_PROJECTS = frozenset(_PROJECT_CODES.split())
_SLASHES = re.compile(r"^/|/$")


def link_text(inside: str) -> str:
    """What a link shows; nothing for files, categories and links to other languages."""
    target, bar, shown = inside.partition("|")
    if "\n" in target or "\n\n" in inside:  # not closed: these brackets belong to two links
        return inside.replace("|", " ") if not _DROPPED_NAMESPACE.match(target) else ""
    prefix, colon, rest = target.partition(":")
    if colon:
        if _DROPPED_NAMESPACE.match(target) or prefix.strip() in _LANGUAGES:
            return ""
        if not prefix.strip():
            prefix, colon, rest = target.lstrip(" :").partition(":")
            target = rest if prefix.strip() in _LANGUAGES else prefix + colon + rest
        elif prefix.strip().lower() in _PROJECTS:
            target = rest
    if bar and shown.strip():
        return shown
    if bar:  # `[[토성 (행성)|]]`
        return re.sub(r"\s*\([^()]*\)\s*$", "", target)
    return _SLASHES.sub("", target.strip()).removeprefix("#")
