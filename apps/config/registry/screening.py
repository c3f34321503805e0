"""Which called numbers are let through (guide 3002-3154, 9083-9103)."""

from __future__ import annotations

import re

from django.utils.translation import gettext_lazy as _

from apps.config.registry.announcements import recording
from apps.config.registry.definition import Definition, Words
from apps.config.registry.money import is_price


def _is_days(text: str) -> bool:
    try:
        return 0.01 <= float(text) <= 366
    except ValueError:
        return False


def _share(text: str) -> str:
    try:
        good = 0.01 <= float(text) <= 100
    except ValueError:
        good = False
    return "" if good else "expected is a number from 0.01 to 100."


def _names(text: str) -> str:
    good = re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,90}(,[A-Za-z0-9][A-Za-z0-9_.-]{0,90})*", text)
    return "" if good else "expected are names of recordings, with commas between."


def _keys(text: str) -> str:
    return "" if re.fullmatch(r"any|random|[0-9*#]{1,16}", text) else "expected is any, random, or digits."


def _step(text: str) -> str:
    good = re.fullmatch(r"[1-9][0-9]{0,5}/(100|[0-9]{1,2})/[0-9]{1,4}", text)
    return "" if good else "expected is calls/ASR/ACD, as 10/20/30."


_SWITCHES = ("auto", "no", "yes")

SETTINGS: tuple[Definition, ...] = (
    Definition(
        "blockscanning_treshold",
        int,
        45,
        _(
            "Similar called numbers, one after the other, after which an account's calls are refused; -1: 45, 0: never."
        ),
        minimum=-1,
        maximum=100_000,
        account=True,
    ),
    Definition(
        "blockscanning_mode",
        str,
        "general",
        _(
            "Which numbers are similar: strict (they differ by less than 10), general (by less than 30, or in one digit; numbers"
            " that follow each other count three times)."
        ),
        choices=("strict", "general"),
        account=True,
    ),
    Definition(
        "usewrongnumfilter",
        bool,
        False,
        _("Refuse calls to numbers that are nearly the same as wrong ones which the account called before."),
        account=True,
    ),
    Definition(
        "wrongnumcache",
        int,
        100,
        _("So many of the last wrong numbers of each account are remembered."),
        minimum=1,
        maximum=1000,
    ),
    Definition(
        "wrongnumdropcount",
        int,
        10,
        _("So many of them like the called number refuse a call."),
        minimum=1,
        maximum=1000,
        account=True,
    ),
    Definition(
        "maxrouterreqpermin",
        int,
        0,
        _("Calls that a worker decides about in a minute; what is above is refused. 0: no limit."),
        minimum=0,
        maximum=10_000_000,
    ),
    Definition(
        "maxcallperip",
        int,
        0,
        _("Calls from one address in a period; 0: no limit."),
        minimum=0,
        maximum=100_000_000,
        account=True,
    ),
    Definition(
        "maxdurationperip",
        int,
        0,
        _("Seconds of answered calls from one address in a period, after which no call begins; 0: no limit."),
        minimum=0,
        maximum=1_000_000_000,
        account=True,
    ),
    Definition(
        "maxcostperip",
        str,
        "",
        _(
            "What calls from one address may cost in a period, net, before no call begins; empty or 0: no limit."
        ),
        check=is_price,
        account=True,
    ),
    Definition(
        "maxcallperperiod",
        str,
        "1",
        _("The period of the three limits by address, in days; 1 is a day, 0.5 twelve hours."),
        check=lambda text: "" if _is_days(text) else "expected is a number of days from 0.01 to 366.",
    ),
    Definition(
        "numfiltering",
        str,
        "auto",
        _("Whether the blacklists of called numbers are heeded; auto: while they have entries."),
        choices=_SWITCHES,
        account=True,
    ),
    Definition(
        "checkknownnumbers",
        str,
        "auto",
        _("Whether the whitelist of called numbers is heeded; auto: while it has entries."),
        choices=_SWITCHES,
        account=True,
    ),
    Definition(
        "builddynamicblacklist",
        int,
        -1,
        _(
            "Failed calls to a number in a day that put it on the blacklist (half as many in an hour, twice as many in a week, five"
            " times as many in a month); -1: 40 unless numfiltering is no, 0: never."
        ),
        minimum=-1,
        maximum=1_000_000,
    ),
    Definition(
        "blacklist_maxbcount",
        int,
        0,
        _("So many numbers at most are put on the blacklist at a time; 0: by how many calls there are."),
        minimum=0,
        maximum=1_000_000,
    ),
    Definition(
        "blacklist_minasr",
        int,
        5,
        _(
            "A number of which fewer calls than these per cent are answered is put on the blacklist, if so many fail."
        ),
        minimum=0,
        maximum=100,
    ),
    Definition(
        "blacklist_minacd",
        int,
        10,
        _("So is one whose answered calls last shorter on average, in seconds."),
        minimum=0,
        maximum=3600,
    ),
    Definition(
        "minblockcallcount",
        int,
        0,
        _("A number with fewer calls is not looked at."),
        minimum=0,
        maximum=1_000_000,
    ),
    Definition(
        "smartblacklist_enable",
        str,
        "no",
        _(
            "Block numbers that were tried too often: no, normal_load (not while the machine is busy), always."
        ),
        choices=("no", "normal_load", "always"),
    ),
    Definition(
        "smartblacklist_peruser",
        str,
        "subscribers",
        _(
            "Whose calls are counted: everybody_together (and the number is blocked for all), subscribers, callers (each apart,"
            " and blocked for that one), marked (each of those with smartbl)."
        ),
        choices=("everybody_together", "subscribers", "callers", "marked"),
    ),
    Definition(
        "smartbl",
        bool,
        False,
        _("The account's calls are counted where smartblacklist_peruser is marked."),
        account=True,
    ),
    Definition(
        "smartblacklist_callduration",
        int,
        5,
        _(
            "Which calls count: 0 all, -1 those that were answered, else those shorter than so many seconds, not answered ones too."
        ),
        minimum=-1,
        maximum=86_400,
    ),
    Definition(
        "smartblacklist_callduration_min",
        int,
        0,
        _("Calls shorter than so many seconds do not count; 0: they do."),
        minimum=0,
        maximum=86_400,
    ),
    Definition(
        "smartblacklist_blockafter",
        int,
        20,
        _("So many calls block a number."),
        minimum=1,
        maximum=1_000_000,
    ),
    Definition(
        "smartblacklist_checkperiod",
        str,
        "1",
        _("Days that are looked back; 0.5 is twelve hours."),
        check=lambda text: "" if _is_days(text) else "expected is a number of days from 0.01 to 366.",
    ),
    Definition(
        "smartblacklist_blockperiod",
        str,
        "0",
        _(
            "Days for which a number is blocked; 0: until so many calls no longer fall into the days looked back."
        ),
        check=lambda text: (
            "" if text == "0" or _is_days(text) else "expected is a number of days from 0.01 to 366, or 0."
        ),
    ),
    Definition(
        "smartblacklist_voice",
        str,
        "",
        _(
            "The recording that a caller hears before its call to a number that statistics have blocked is refused: a WAV file in the"
            " folder voices. Empty: none of its own."
        ),
        check=recording,
        account=True,
    ),
    Definition(
        "autoban",
        str,
        "no",
        _(
            "Refuse callers because of how their calls went: no, manual (only whom an operator names), yes (statistics too, not while"
            " the machine is busy), always; carriers: statistics are made, and heeded only by carriers with autoban_special."
        ),
        choices=("no", "manual", "yes", "always", "carriers"),
    ),
    Definition(
        "autoban_special",
        str,
        "no",
        _(
            "Callers that this carrier does not get, by their standing: no, all may call by it; bad, not who is bad; unknown, only who is"
            " known to be good; ask, who is not known has to press a key first. The call goes by another one."
        ),
        choices=("no", "bad", "unknown", "ask"),
        account=True,
    ),
    Definition(
        "autoban_special_good",
        Words,
        ("10/20/30", "1/30/40"),
        _(
            "For such carriers a caller is good from so many calls on, if more per cent of them are answered and last longer on average:"
            " calls/ASR/ACD in seconds, several with commas. Of several the one with the most calls that were made counts."
        ),
        check=_step,
    ),
    Definition(
        "autoban_special_bad",
        Words,
        ("10/15/40", "4/8/10"),
        _(
            "For such carriers a caller that is not good is bad from so many calls on, if fewer per cent of them are answered or they"
            " are shorter on average: calls/ASR/ACD in seconds, several with commas."
        ),
        check=_step,
    ),
    Definition(
        "autoban_minasr",
        int,
        10,
        _("A caller of whose calls fewer per cent are answered is refused."),
        minimum=0,
        maximum=100,
    ),
    Definition(
        "autoban_minacd",
        int,
        15,
        _("So is one whose answered calls last fewer seconds on average."),
        minimum=0,
        maximum=3600,
    ),
    Definition(
        "autoban_goodstatadd",
        int,
        5,
        _("Who is above both by so much, by twice as much above the second, is good."),
        minimum=0,
        maximum=100,
    ),
    Definition(
        "autoban_applydays", int, -1, _("Days for which that holds; -1: 30."), minimum=-1, maximum=3650
    ),
    Definition(
        "autoban_statmincalls",
        int,
        -1,
        _("Calls that are needed to decide; -1: 150."),
        minimum=-1,
        maximum=1000000,
    ),
    Definition(
        "autoban_statdays", int, -1, _("Days whose calls are looked at; -1: 90."), minimum=-1, maximum=366
    ),
    Definition(
        "autoban_numlength",
        int,
        9,
        _("So many last digits of caller numbers are compared."),
        minimum=4,
        maximum=16,
    ),
    Definition(
        "autoban_peruser_calls_multiplier",
        str,
        "3",
        _("To decide about an account so many times the calls are needed."),
        check=_share,
    ),
    Definition(
        "autoban_peruser_stat_multiplier",
        str,
        "0.9",
        _("Of an account so much of the least ASR and ACD is asked."),
        check=_share,
    ),
    Definition(
        "autoban_perip_calls_multiplier",
        str,
        "6",
        _("To decide about an address so many times the calls are needed."),
        check=_share,
    ),
    Definition(
        "autoban_perip_stat_multiplier",
        str,
        "0.7",
        _("Of an address so much of the least ASR and ACD is asked."),
        check=_share,
    ),
    Definition(
        "autoban_pertr_calls_multiplier",
        str,
        "4",
        _("To decide about a customer trunk so many times the calls are needed."),
        check=_share,
    ),
    Definition(
        "autoban_pertr_stat_multiplier",
        str,
        "0.5",
        _("Of a customer trunk so much of the least ASR and ACD is asked."),
        check=_share,
    ),
    Definition(
        "autoban_askkey",
        str,
        "no",
        _(
            "Ask such callers to press a key instead of refusing them: no, banned (who is bad by statistics), undecided (who is not known to"
            " be good, too)."
        ),
        choices=("no", "banned", "undecided"),
    ),
    Definition(
        "autoban_special_voicefile",
        str,
        "press_a_key_to_continue,please_press_a_key",
        _(
            "The recording that asks for the key; of several with commas the first that there is. It also says how long there is time."
            " For a random digit its name goes on with that digit: press_a_key_to_continue_7. A carrier with autoban_special may have"
            " one of its own."
        ),
        check=_names,
        account=True,
    ),
    Definition(
        "autoban_special_expecteddtmf",
        str,
        "any",
        _("What has to be pressed: any, random (one digit, another for each call), or these digits."),
        check=_keys,
        account=True,
    ),
    Definition(
        "alert_factor",
        int,
        5,
        _(
            "An account that spends more than so many times what it spent in any hour of two weeks raises an alert; 0: none does."
        ),
        minimum=0,
        maximum=1000,
    ),
    Definition(
        "alert_least",
        str,
        "10",
        _("What it has to spend in the hour at least, in its own currency."),
        check=is_price,
    ),
    Definition(
        "filtering",
        str,
        "no",
        _(
            "Which numbers an account may not call, or a carrier is not given: very_sure (of the blacklist, from level 3 on),"
            " probable (from 2), suspicious (from 1), listed (all of it), known (all that the whitelist does not have),"
            " surely_known (all that it does not have with level 3 or more). Level 6 is blocked always."
        ),
        choices=("no", "very_sure", "probable", "suspicious", "listed", "known", "surely_known"),
        account=True,
    ),
    Definition(
        "blocksatellitecalls",
        bool,
        True,
        _("Calls to satellite phones are refused, except to numbers of the whitelist."),
        account=True,
    ),
    Definition(
        "blockpremiumnumbers",
        bool,
        True,
        _("Calls to premium-rate numbers are refused, except to numbers of the whitelist."),
        account=True,
    ),
)
