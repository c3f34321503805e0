"""Money while a call runs, and its record when it ends.

`bank` sets money aside, `spool` is the worker's append-only journal, `writer` turns journals into CDRs, ledger
entries and released holds. The journal's lines are JSON objects, one per line, in this order per call:

`{"k":"up", "id":…, …}`   answered: everything needed to bill the call if nothing more is ever heard of it
`{"k":"up", "id":…, "authorised":…}`  more is authorised now: says anew what has changed, as often as it does
`{"k":"alive", "at":…}`   the worker lives (one line a second, for all of its calls)
`{"k":"do", "id":…, "account":…, "what":…}`  a phone has dialled a code that the office carries out (`apps.pbx.services.carry_out`)
`{"k":"end", "id":…, …}`  the call is over; of an answered call only what `up` did not say yet

Keys of `up` and `end` (merged, they are the call record): `id`, `started` (epoch seconds, float), `answered`
(or null), `ended`, `authorised` (whole seconds that are paid for, or null without limit), `status`, `q850`,
`cause`, `by` (caller | called | switch), `caller`, `caller_address`, `caller_number`, `original`, `called_number`,
`dialled`, `destination`, `carrier`, `called_account`, `called_address`, `reseller`, `rule`, `attempts`
(list of [account id, status, cause, milliseconds]), `payers` ([[kind, account id, terms]…]), `cost` (terms of the
carrier or null), `service` (`sms`, with `seconds`, and `message`: the allowance that had it for free; `inbound`; or none: a call of its caller), `trunk` (that brought it, or none), `tech_prefix`, `other_prices`, `commission` (if from profit: [account id, share ppm, reduction ppm, terms]), `setup_ms`, `pdd_ms`, `media`, `codec`, `rtp` ([sent, received, lost]),
`sip_call_id`, `world`, `comment`.
"""
