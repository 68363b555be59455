"""Writes tickets.csv: support tickets of an invented online shop, for when no public data is at hand.

Sentences are frames with alternatives, drawn with a fixed seed; every tenth gets a typing slip. The
columns are those of a help-desk export: text, category, channel.
"""
import csv
import random
import re
import sys

FRAMES = {
    "delivery_late": [
        "{my|our} {parcel|package|order|delivery} {was due|should have come|was promised for} {on monday|last week|yesterday|two days ago} and {still is not here|nothing has arrived|has not turned up}",
        "{where is|what happened to} {my|the} {order|parcel} {number |}{ref}? {it is late|the date has passed|i expected it days ago}",
        "tracking {has not moved|shows nothing new|is stuck} since {friday|the 3rd|last week}, {when will it come|is it lost}?",
        "the courier {never came|missed us again|did not show up} {though|even though} the app said {today|between 9 and 12}",
        "{still waiting|been waiting {ten|twelve|fifteen} days} for {order|parcel} {ref}",
    ],
    "item_damaged": [
        "the {item} {arrived|came|was delivered} {broken|cracked|scratched|with a dent}",
        "{box was crushed|packaging was torn} and the {item} inside is {damaged|in pieces|bent}",
        "{just opened|unpacked} the {item} and {the screen is cracked|one leg is broken|it leaks|the corner is chipped}",
        "received a {damaged|smashed|broken} {item} in order {ref}, {photos attached|see picture}",
        "{item} {was fine on the outside but|looks ok but} {rattles|does not close|is cracked underneath} {out of the box|on arrival}",
    ],
    "wrong_item": [
        "{i|we} ordered a {item} but {got|received|you sent} a {item2}",
        "{wrong|different} {colour|size|model} {in the box|was delivered}: {asked for|ordered} {blue|large|the 2 litre one}, got {green|small|the 1 litre one}",
        "this is not {what i ordered|my order}, it is {somebody else's|another customer's} {item}",
        "order {ref} {contains|came with} the wrong {item}",
        "you {mixed up|swapped} {my|two} {parcels|orders}, {there is|i have} a {item2} instead of the {item}",
    ],
    "refund_status": [
        "{when|how soon} will {i|we} {get|see} {my|the} {money back|refund}?",
        "{sent|returned} the {item} {two weeks|ten days} ago and {no refund yet|the money is not on my account}",
        "{you confirmed|support confirmed} my refund for {ref} but {nothing came|my bank sees nothing}",
        "{is|has} the refund {been processed|on its way|gone out} for {the return|order {ref}}?",
        "refund {only partly|not fully} paid, {missing|still owed} {12|20|35} {euros|pounds}",
    ],
    "return_request": [
        "{how do i|how can i|i want to|i would like to} {return|send back} {the|my} {item}",
        "{please send|need} a return {label|slip} for {order {ref}|the {item}}",
        "{the {item} does not fit|it is not what i expected|changed my mind}, {can it go back|how to return it}?",
        "{what is|where do i find} the {address|form} for {returns|sending things back}?",
        "can i {return|bring back} {something|a {item}} {bought in a sale|without the original box|after 20 days}?",
    ],
    "payment_failed": [
        "{my|the} {card|payment} {was|keeps being} {declined|refused|rejected} at {checkout|the last step}",
        "{cannot|can't|unable to} pay, {the page reloads|it says error {code}|nothing happens when i press pay}",
        "{paypal|bank transfer|the card form} {does not work|fails} {every time|since this morning}",
        "payment {did not go through|failed} but {the card is fine|there is money on the account}",
        "{tried|used} {three|two} {different cards|banks} and {none works|all are refused}",
    ],
    "charged_twice": [
        "{i|we} {was|have been} {charged|billed} {twice|two times} for {order {ref}|the same {item}}",
        "there are {two|2} {payments|debits} {of the same amount|for one order} on my {statement|card}",
        "{double|duplicate} {charge|payment}, {please give one back|one must be reversed}",
        "you took {the money|49 euros} {twice|again}, {i ordered only once|there was one order}",
        "{my bank shows|i see} the {amount|charge} for {ref} {two times|twice}",
    ],
    "account_access": [
        "{cannot|can't|unable to} {log in|sign in|get into my account}",
        "{password|reset} {link|mail} {never arrives|does not work|has expired}",
        "{my account is|i am} {locked|blocked|locked out} {after|because of} {too many attempts|a wrong password}",
        "{the site|the app} says my {email|user name} {is unknown|does not exist}, {but i have an account|i ordered last month}",
        "{two factor|the sms} code {does not come|is always wrong}",
    ],
    "change_address": [
        "{i moved|we have moved|new home}, {please change|how do i change} {the|my} {delivery|shipping} address",
        "can order {ref} {go|be sent} to {my office|a neighbour|another address} {instead|please}?",
        "{typed|entered} the wrong {street|house number|postcode} {in my order|at checkout}",
        "{update|correct} {the address|my postcode} {before it ships|on order {ref}}",
        "{need|want} to {redirect|reroute} {my|the} parcel to {work|a pick-up point}",
    ],
    "cancel_order": [
        "{please|i want to|how do i} cancel {my|the} order {ref|}",
        "{ordered|bought} {by mistake|twice by accident}, {cancel one|please stop it}",
        "{do not need|no longer want} the {item}, {can you stop|please cancel} the {order|shipment}",
        "{is it|am i} too late to {cancel|call off} {order {ref}|what i ordered this morning}?",
        "cancel {everything|it} {please|at once}, {it takes too long|found it cheaper}",
    ],
    "product_question": [
        "{does|will} the {item} {fit|work with} {a standard socket|older models|my {item2}}?",
        "{what is|tell me} the {weight|height|warranty|material} of the {item}",
        "is the {item} {dishwasher safe|waterproof|suitable for children|in stock in blue}?",
        "{which|what} {size|model} {should i take|do i need} {for two people|for a small kitchen}?",
        "{how long|for how many years} {is the guarantee|does the battery last} {on|of} the {item}",
    ],
    "invoice_request": [
        "{please send|i need|where is} {an|the|my} invoice {for|of} {order {ref}|last month}",
        "{company name|vat number} is {missing|wrong} on the {invoice|bill}",
        "{can i get|need} a {receipt|bill} {with vat|for my accountant|as pdf}",
        "{download|print} of the invoice {does not work|gives an empty page}",
        "{accounting|our finance team} {asks for|needs} the {invoices|receipts} of {march|this quarter}",
    ],
}
ITEMS = ["kettle", "lamp", "chair", "desk", "blender", "rug", "mirror", "toaster", "monitor", "backpack", "vase", "heater", "bike light", "coffee grinder", "shelf"]
OPENERS = ["", "", "", "", "hi, ", "hello, ", "good morning, ", "hey ", "to whom it may concern: ", "urgent: "]
CLOSERS = ["", "", "", "", " thanks", " please help", " regards, {name}", " this is the second time i write", " asap", " thank you in advance"]
NAMES = ["ana", "tom", "priya", "lars", "mei", "joão", "zoë", "omar"]
CHANNELS = ["email", "chat", "form", "phone note"]


def expand(frame: str, rng: random.Random) -> str:
    """Replaces the innermost braces until none is left."""
    while (found := re.search(r"\{([^{}]*)\}", frame)) is not None:
        word = found.group(1)
        if word in ("item", "item2"):
            value = rng.choice(ITEMS)
        elif word == "ref":
            value = f"{rng.choice('ABKX')}{rng.randrange(1000, 9999)}"
        elif word == "code":
            value = str(rng.randrange(100, 599))
        elif word == "name":
            value = rng.choice(NAMES)
        else:
            value = rng.choice(word.split("|"))
        frame = frame[: found.start()] + value + frame[found.end() :]
    return frame


def slip(text: str, rng: random.Random) -> str:
    """Swaps, drops or doubles one letter."""
    at = rng.randrange(1, len(text) - 1)
    return rng.choice([text[: at - 1] + text[at] + text[at - 1] + text[at + 1 :], text[:at] + text[at + 1 :], text[:at] + text[at] + text[at:]])


def main() -> None:
    rng = random.Random(20261120)
    rows, seen = [], set()
    for label, frames in FRAMES.items():
        wanted = rng.randrange(150, 230)
        while wanted > 0:
            text = expand(rng.choice(OPENERS) + rng.choice(frames) + rng.choice(CLOSERS), rng).strip()
            if rng.random() < 0.1:
                text = slip(text, rng)
            text = text[0].upper() + text[1:] if rng.random() < 0.6 else text
            if text.lower() in seen:
                continue
            seen.add(text.lower())
            # People file tickets under the neighbouring category now and then.
            filed = rng.choice(list(FRAMES)) if rng.random() < 0.015 else label
            rows.append((text, filed, rng.choice(CHANNELS)))
            wanted -= 1
    rng.shuffle(rows)
    writer = csv.writer(sys.stdout, lineterminator="\n")
    writer.writerow(["text", "category", "channel"])
    writer.writerows(rows)


if __name__ == "__main__":
    main()
