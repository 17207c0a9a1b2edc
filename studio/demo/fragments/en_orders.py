"""English fragments: what people write to the delivery, returns and refund queues, hand-written."""

from __future__ import annotations

QUEUES = {
    "delivery": {
        "terse": (
            "order {order} [still not here|not arrived|hasn't turned up]",
            "[where's|where is] my {item}",
            "{item} [late again|still missing|nowhere to be seen]",
            "parcel [lost|gone missing]? [order |]{order}",
            "tracking [hasn't moved|stuck] since {day}",
            "[courier|driver] never [came|showed up] [on {day}|today|yesterday]",
            "box [arrived crushed|came open|soaked], {item} [ok I think|scratched|in bits]",
            "wrong address on [order |]{order}",
            "eta for [the |]{item}?",
            "says delivered, [nothing here|it isn't|no parcel]",
            "half [the|my] order [missing|didn't come]",
            "[need|can I get] a [new|later] delivery [slot|date] for [the |]{item}",
        ),
        "late": {
            "say": (
                "I ordered {an_item} {weeks} weeks ago and it [still |]hasn't [arrived|shown up|been delivered].",
                (
                    "The {item} was meant to be here on {day}. [It's now well past that and nothing has "
                    "come.|Nothing came.|No sign of it.]"
                ),
                "Your site [promised|said] next-day delivery and I've been waiting {days} days [already|now].",
                'Tracking for {order} has said "in transit" since {date} and [never changes|doesn\'t budge].',
                "I took [the day|a day] off work to wait in for the {item}, and the van never came.",
                (
                    "The delivery date for my {item} has been pushed back [twice|three times|again] [now|without "
                    "anyone telling me]."
                ),
                "It's been {days} days since the dispatch e-mail and I've yet to see a van.",
                "Order {order} was a birthday present, and the birthday was [on {day}|yesterday|last week].",
                "My neighbour ordered the same {item} after me and [already has hers|got it days ago].",
            ),
            "more": (
                'The estimate [went from|slipped from] {day} to [next week|"soon"|"to be confirmed"].',
                "I [paid|was charged] extra for express, [for what it's worth|by the way].",
                "The tracking page just shows a label being created.",
                "I've checked the address and it's [correct|right].",
                "The last scan was at the {town} depot on {date}.",
            ),
            "ask": (
                "When will it [actually |]get here?",
                "[Could you|Can you] give me a [firm|real] delivery date?",
                "Please chase the courier [for me|today].",
                "[Can|Could] somebody look at the tracking and tell me where it is?",
                "If it can't be here by {day} I'd rather know now.",
            ),
        },
        "not_received": {
            "say": (
                "The app says my {item} was delivered [on {day}|at {time}], but [nobody|no one] here has seen it.",
                "It's marked as handed to a resident. I live alone and was [out|at work] all day.",
                "The photo of proof of delivery shows a [blue|red|white] door. [Ours is green.|That isn't my door.]",
                (
                    "According to the courier the parcel was left in a safe place, which turned out to be [the "
                    "bins|the kerb|nowhere I can find]."
                ),
                "Two boxes were sent for {order} and only one [turned up|reached me].",
                "I signed for one box, but the slip [says|lists] two, and the {item} isn't in it.",
                "The parcel was left with a neighbour at a number that doesn't exist on our street.",
                "The box for {order} came, but the {item} wasn't in it, just [packing paper|air cushions].",
            ),
            "more": (
                "I've asked [next door|both neighbours|the whole stairwell] and nobody took it in.",
                "There is no card through the door [either|and no message].",
                "The signature on the record isn't mine.",
                "The driver [didn't ring|never rang the bell], we have a camera.",
            ),
            "ask": (
                "Please [find out|look into] where it was [really |]left.",
                "Can you open a [trace|search] with the courier?",
                "[Could you|Please] send [another one|a replacement] if it can't be found.",
                "I need to know who signed for it.",
                "What happens now if it's [really |]lost?",
            ),
        },
        "damaged_on_arrival": {
            "say": (
                (
                    "The box [arrived|turned up] [crushed on one side|split open|soaking wet] and the {item} "
                    "inside is [dented|scratched|cracked]."
                ),
                "The courier [threw|dropped] the parcel over the gate and now the {small} [rattles|is chipped].",
                (
                    "My {item} came with a broken corner. The packaging was [far too thin|one sheet of "
                    "paper|already torn]."
                ),
                "Opened the parcel and found the {item} [in two pieces|with a crack right across it|bent].",
                "Whoever packed {order} used no padding at all and the {item} didn't survive the trip.",
                "The driver made me sign before I could check it. The {item} is [scratched all over|visibly damaged].",
            ),
            "more": (
                "I took photos before [opening it|I touched anything].",
                "There's a dent the size of a fist in the box.",
                "The tape had been cut and stuck down again.",
                "The rest of the order is fine.",
            ),
            "ask": (
                "[How do I|Where do I] report transport damage?",
                "Please send another one, better packed this time.",
                "Do you need pictures [of the box|] for the claim against the carrier?",
                "Can the courier collect the broken one when they bring the new one?",
            ),
        },
        "address_and_slot": {
            "say": (
                "I [typed|put in] the wrong house number when I ordered the {item} [last night|on {day}].",
                "I'm moving on {date} and {order} is due [right after|the day before] that.",
                "The slot I was given, {time} on {day}, [doesn't work for me|is impossible for me].",
                (
                    "Your courier can't find our building because the entrance is [round the back|through the "
                    "yard|on the other street]."
                ),
                "I'd like the {item} sent to my work address instead [of home|].",
                "Nobody will be in on {day} when the {item} is [due|supposed to come].",
                "The form cut off my flat number, so the label only has the street.",
                "The van [can't get down|won't fit in] our lane and the driver just drives off.",
            ),
            "more": (
                "The postcode is right, only the number is wrong.",
                "There's a [keypad|gate code] at the door and nobody asked me for it.",
                "We're on the [third|fourth|fifth] floor without a lift, and it's heavy.",
                "The courier's own site won't let me change anything.",
            ),
            "ask": (
                "Can it [still |]be [redirected|changed]?",
                "Please move it to [another day|{day}|a morning].",
                "Can you pass that on to the driver?",
                "Could you hold it at the depot until [{day}|I'm back]?",
            ),
        },
    },
    "returns": {
        "terse": (
            "want to return [the |]{item}, [order |]{order}",
            "how do I send [this|it|the {item}] back",
            "return label [doesn't work|won't print|please|missing]",
            "wrong [size|colour], want to [swap it|exchange]",
            "[got|you sent] the wrong {item}",
            "can I return [without the box|opened stuff|a gift]",
            "return window [for {order}|for the {item}]?",
            "exchange {item} for [a |the ]{colour} one",
            "not what [I ordered|was pictured], sending it back",
            "[who pays|do I pay] for return postage",
            "changed my mind about [the |]{item}",
            "return [rejected, why|refused]? {order}",
        ),
        "changed_mind": {
            "say": (
                "I'd like to send the {item} back. It [works fine|is fine], it just isn't [right for us|what I need].",
                "The {item} is too [big|bulky|heavy] for the place I had in mind, so I want to return it.",
                "I ordered the {item} twice to compare and want to send one back.",
                "My partner bought [the same|exactly the same] {item}, so now we have two and one has to go back.",
                "I changed my mind about the {item} and it's still [sealed|in the box|unopened].",
                "Having seen it in daylight, the {colour} is not for me and I want to return the {item}.",
                "I got the {item} as a gift and would [rather|much rather] have something else.",
                "I've had second thoughts about order {order}.",
            ),
            "more": (
                "The box has been opened but nothing has been used.",
                "I still have all the packaging [and the tags|].",
                "It has been switched on [once|for five minutes].",
                "I don't have the receipt because it was a present.",
                "It's {days} days since it came.",
            ),
            "ask": (
                "How does a return work [with you|at your shop]?",
                "Am I [still |]within the return period?",
                "Please send me a return label.",
                "Can I take it back to [a shop|the {town} shop] instead of posting it?",
                "Who pays the postage [in that case|]?",
            ),
        },
        "wrong_item": {
            "say": (
                "I ordered the {item} in {colour} and you sent [a different colour|the wrong one|grey].",
                "What was in the box isn't what I ordered. I got {an_other} instead of {an_item}.",
                "The label on the box says {item}, but there's {an_other} inside.",
                "You've sent me someone else's order. I should have had {an_item}.",
                "I asked for one {item} and [got three|received two].",
                "The {item} you sent is the [old|small|left-hand] version, not the one on the page.",
            ),
            "more": (
                "The order confirmation [shows|has] the right one.",
                "The packing slip has someone else's order number on it.",
                "I haven't [opened|unpacked] it.",
                "It's a different model number altogether.",
            ),
            "ask": (
                "Can you swap it for the right one?",
                "Please arrange a [pick-up|collection], it's your mistake after all.",
                "Do I have to send this one back before you ship the right one?",
                "How do we sort out the exchange?",
            ),
        },
        "label_and_drop_off": {
            "say": (
                "The return label you sent [won't open|is blank|is for another order].",
                "I don't own a printer and the return needs a printed label.",
                "The drop-off point [in {town}|near me] [wouldn't take|refused] my return parcel.",
                "The returns page [keeps saying|says] my order number is not valid.",
                "Nobody came to collect the return [on {day}|], although I had a slot.",
                "I registered the return [on {date}|{days} days ago] and I'm still waiting for the label.",
                "The code for the parcel locker has expired before I could drop off my return.",
            ),
            "more": (
                "I've tried [two browsers|my phone and a laptop].",
                "The nearest drop-off is a {n} minute drive.",
                "It's packed and ready in the hall.",
                "The box is over the size limit on the label.",
            ),
            "ask": (
                "Can you send a [new|fresh|working] label?",
                "Is there a way without printing?",
                "Please book another collection.",
                "Where else can I hand it in?",
            ),
        },
        "size_and_exchange": {
            "say": (
                "The {wear} runs [small|large]. I need [one size up|one size down|a medium].",
                "Can I exchange the {item} for the {colour} one? [Same size, same price.|]",
                "I'd like to swap my {item} for the [bigger|smaller|newer] model and pay the difference.",
                "The {wear} fits nobody in this house, I should have measured.",
                "The {item} doesn't go with our [table|sofa|kitchen], could I have it in {colour} instead?",
                "I started an exchange for {order} and it was turned into a plain return.",
            ),
            "more": (
                "The website says the other one is in stock.",
                "The tags are still on.",
                "I only tried it on [indoors|once].",
                "I'd pay the difference, of course.",
            ),
            "ask": (
                "Is a direct exchange possible?",
                "Can you put the other one aside for me?",
                "How long does an exchange [usually |]take?",
                "Or do I have to return it and order again?",
            ),
        },
    },
    "refund": {
        "terse": (
            "[where's|where is] my refund [for {order}|]",
            "refund [not received|still missing|long overdue]",
            "{days} days, no [refund|money back] yet",
            "[refunded|got] {amount2} instead of {amount}",
            "money back for [the |]{item} please",
            "refund went to [an old card|the wrong card|a closed account]",
            "when do I get my {amount}",
            "refund status {order}",
            "[only|just] partly refunded, why",
            "refund as [cash|money] not [voucher|credit]",
            "order cancelled, [money not back|still no money]",
            "[got|is it] store credit instead of [a refund|money]",
        ),
        "not_arrived": {
            "say": (
                "You confirmed my refund of {amount} on {date} and my bank has [seen nothing|not received it].",
                "It's been {days} days since you told me the money was on its way.",
                "I cancelled {order} [the same day|within the hour], but the {amount} has not come back.",
                'The status says "refunded", my account says otherwise.',
                "You took the {item} back {weeks} weeks ago and I'm still out of pocket by {amount}.",
                "I was promised {amount} back [within five working days|by {day}] and I'm still waiting.",
                "Two refunds were due. One came, the one for the {item} didn't.",
            ),
            "more": (
                "My bank says nothing is pending [from you|].",
                "I paid by [card|bank transfer|instalments].",
                "I have the confirmation e-mail [in front of me|here].",
                "It's {amount}, not pocket money for me.",
            ),
            "ask": (
                "When will I see the money?",
                "Please check whether the payment [really |]went out.",
                "[Could you|Can you] send me the transfer reference?",
                "What's holding it up?",
            ),
        },
        "wrong_amount": {
            "say": (
                "I got {amount2} back for the {item}, but I paid {amount}.",
                "The delivery charge wasn't included in my refund.",
                'You took off {n} percent for "signs of use". The {item} was [never out of its box|unused].',
                "I used a voucher and some cash, and only the cash part has been refunded.",
                "My refund for {order} is [short by|missing] {amount2}.",
                "You refunded one {item}, but I gave back two.",
                "A handling fee was taken off my refund that nobody mentioned [before|].",
            ),
            "more": (
                "The invoice clearly says {amount}.",
                "Nowhere in your terms do I see that deduction.",
                "I worked it out twice.",
                "The other items were refunded in full.",
            ),
            "ask": (
                "Where's the rest?",
                "Please [refund|pay out] the difference.",
                "How did you get to that figure?",
                "Can you show me how it was calculated?",
            ),
        },
        "where_to": {
            "say": (
                "The card I paid {order} with has [expired|been cancelled|been replaced], so where does the refund go?",
                "My refund went to an account I closed in {month}.",
                "You gave me store credit and I want the money [back on my card|back in my account].",
                "I paid with a gift card and threw it away. How will the refund reach me now?",
                "Please [pay|send] the refund to my bank and not to my shop wallet.",
                "My mother paid for the {item} with her card and the refund came to my shop balance.",
                "The refund landed as points, I'd like it in money.",
            ),
            "more": (
                "My bank rejected the payment and sent it back to you.",
                "I never agreed to a voucher.",
                "The credit expires in {month}, which makes it worse.",
                "I can give you the new account details [by phone|].",
            ),
            "ask": (
                "Can it go to another account?",
                "Please change it to [a bank transfer|the original card].",
                "What do you need from me for that?",
                "How do I get it paid out?",
            ),
        },
        "price_adjustment": {
            "say": (
                "The {item} dropped by {amount2} [two days|a day|{days} days] after I bought it.",
                (
                    "I'd like some money back for the {item}, since [the lid|the cable|one shelf] was missing and "
                    "I've sorted it out myself."
                ),
                "You offered me a partial refund for the scratch on the {item}. I'll take it.",
                "My discount code wasn't applied, so I'd like the {amount2} back.",
                "Your price promise says you pay back the difference, and the {item} is {amount2} cheaper elsewhere.",
                "I was told on the chat I'd get {amount2} back as goodwill for {order}.",
            ),
            "more": (
                "I have a screenshot [with the date|of the lower price].",
                "The agent on the chat confirmed it.",
                "I'm happy to keep it otherwise.",
                "It was on offer until {day}.",
            ),
            "ask": (
                "Can you pay back the difference?",
                "How long does a partial refund take?",
                "Please confirm the amount [in writing|].",
                "Would that be possible?",
            ),
        },
    },
}
