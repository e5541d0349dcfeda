import type { ContentAnalysis } from '@switchboard/contracts';

type ComplianceName = ContentAnalysis['compliance']['phrases'][number]['name'];
type ObjectionKind = ContentAnalysis['objections'][number]['kind'];

/** Words only one who speaks for the company says, and words only a caller says. */
export const agentCue =
  /\b(?:thank(?:s| you) for (?:calling|contacting|holding|waiting|your patience)|how (?:can|may) i (?:help|assist)|(?:call|line) (?:may be|is|will be|is being) (?:recorded|monitored)|anything else i can|let me (?:check|look|see|pull|bring|transfer)|i can see (?:your|here|that|on)|can i (?:have|take|get|confirm) your|could i (?:have|take|get) your|may i have your|what is (?:the|your) .{0,30}(?:number|name|address|code|birth)|(?:on|for) your account|we can (?:send|offer|come|arrange|do)|(?:i will|i'll|we will|we'll) (?:call|send|email|transfer|arrange|look into|refund|get back)|sorry to hear|customer (?:support|service)|speaking how)\b/gi;
export const customerCue =
  /\b(?:i(?:'m| am) (?:calling|phoning|ringing) (?:about|because|to|for)|my (?:internet|order|bill|account|phone|card|parcel|package|invoice|router|line|contract|policy|payment|delivery|subscription)|i(?:'ve| have) been (?:waiting|trying|charged|on hold)|i (?:want|need|would like|'d like) (?:to|my|a refund)|i(?:'m| am) (?:paying|not happy)|it(?:'s| is) not working|doesn't work|i (?:ordered|bought|paid|received))\b/gi;

export const objectionCues: readonly { readonly kind: ObjectionKind; readonly cue: RegExp }[] = [
  {
    kind: 'cancellation',
    cue: /\b(?:(?:want|like|going|have|need) to cancel|cancel (?:my|the|it|this|that|please)|i(?:'m| am) leaving|close my account|(?:want|need) my money back|terminate (?:my|the))\b/i,
  },
  {
    kind: 'price',
    cue: /\b(?:too (?:expensive|much money|pricey|costly|much for)|paying too much|costs? too much|can(?:'t|not) afford|(?:a bit|rather|quite|very|so) expensive|that's a lot of money|over ?priced|rip ?off|cheaper (?:elsewhere|somewhere)|not worth (?:it|the))\b/i,
  },
  {
    kind: 'timing',
    cue: /\b(?:too (?:late|long|slow)|can(?:'t|not) wait|not (?:soon|fast|quick) enough|takes? (?:too long|forever|ages)|need (?:it|this|them) (?:today|now|sooner)|(?:not|isn't) a good time|too busy|call me later)\b/i,
  },
  {
    kind: 'competitor',
    cue: /\b(?:(?:my|the|an) ?other (?:provider|company|supplier)|competitors?|better (?:offer|deal|price) (?:from|at|with|elsewhere)|(?:switch|go|change|move) to (?:another|a different|someone else))\b/i,
  },
  {
    kind: 'trust',
    cue: /\b(?:don't (?:trust|believe)|do not (?:trust|believe)|(?:is|sounds like|this is) a scam|how do i know|you (?:lied|promised)|(?:was|were) promised|never (?:kept|called back))\b/i,
  },
  {
    kind: 'need',
    cue: /\b(?:(?:don't|do not|no longer) (?:really )?(?:need|want)|not interested|no use for|(?:already have|have already got) (?:one|that|it)|happy with (?:what i have|my current))\b/i,
  },
  {
    kind: 'complaint',
    cue: /\b(?:unacceptable|not good enough|(?:second|third|fourth|fifth) time|nobody (?:called|told|helped|came|showed)|no one (?:called|told|helped|came|showed)|still (?:not|doesn't|isn't|waiting|broken)|(?:make|file) a complaint|ridiculous|terrible|useless|(?<!never been )disappointed|fed up|frustrat(?:ed|ing))\b/i,
  },
];

/** What an agent says who takes an objection up instead of passing over it. */
export const handlingCue =
  /\b(?:i understand|i see (?:why|what|your)|sorry|apologi[sz]e|we can|i can|let me|i will|i'll|we will|we'll|instead|discount|waive|refund|offer|what if|would it help|how about|make (?:it|this|that) right)\b/i;

const actions =
  'call|phone|ring|send|email|e-mail|mail|post|text|check|look into|arrange|schedule|book|come|visit|refund|credit|transfer|escalate|follow up|get back|update|confirm|cancel|order|ship|deliver|replace|repair|fix|investigate|raise|open|create|forward|pass|set up|activate|reset|contact|let you know|return|pay|sign|fill|bring|try|issue|process|waive|apply|put';
export const nextStepCue = new RegExp(
  `\\b(?:(?:i|we)(?:'ll| will| am going to| are going to|'m going to|'re going to| shall| can) (?:then |also |just |now |personally |gladly |happily )?(?:${actions})\\b|` +
    `(?:technician|engineer|colleague|manager|team|someone|somebody|he|she|they|it) (?:will|'ll|is going to|are going to) (?:be )?(?:${actions}|sent|posted|delivered|there|in touch)|` +
    `you(?:'ll| will| should) (?:receive|get|hear|be (?:contacted|refunded|charged))|(?:could|can|would) you please (?:send|call|email|return|sign|fill)|please (?:send|call back|email|return|sign|fill)|next steps? (?:is|are))`,
  'i',
);
/** A promise is not a question, and holding the line is no next step. */
export const noStepCue =
  /\b(?:hold (?:on|the line)|check that for you|bring up|one moment|a (?:second|moment|minute))\b/i;

export const dueCue =
  /\b(?:(?:by|on|before|until|this|next|from)\s+)?(?:(?:the )?end of (?:the |this )?(?:day|week|month|year)|today|tonight|tomorrow(?: (?:morning|afternoon|evening))?|(?:this|next) (?:week|month|year|morning|afternoon|evening)|(?:mon|tues|wednes|thurs|fri|satur|sun)day(?: (?:morning|afternoon|evening))?|(?:the )?(?:\d{1,2}(?:st|nd|rd|th)|first|second|third|fourth|fifth|tenth|fifteenth|twentieth)(?: of [a-z]+)?)\b|\b(?:in|within)\s+(?:the next\s+)?(?:an?|one|two|three|four|five|six|seven|ten|fourteen|twenty ?four|forty ?eight|\d+)(?:\s+(?:to|or)\s+\w+)?\s+(?:business |working )?(?:minute|hour|day|week|month)s?\b|\bat \d{1,2}(?::\d\d)?(?: ?[ap]\.?m\.?| o'clock)\b/i;

export interface ComplianceRule {
  readonly name: ComplianceName;
  readonly required: boolean;
  /** Call types (free text) in which it is required too. */
  readonly requiredFor?: RegExp;
  readonly cue: RegExp;
  /** Who says it; only asked when it is known who the agent is. */
  readonly by: 'agent' | 'customer' | 'anyone';
  /** Part of the call in which it counts, as shares of its length. */
  readonly from: number;
  readonly to: number;
}

export const complianceRules: readonly ComplianceRule[] = [
  {
    name: 'greeting',
    required: true,
    by: 'agent',
    from: 0,
    to: 0.35,
    cue: /\b(?:hello|hi|hey|good (?:morning|afternoon|evening|day)|welcome to|thank(?:s| you) for (?:calling|contacting))\b/i,
  },
  {
    name: 'identification',
    required: true,
    by: 'agent',
    from: 0,
    to: 0.4,
    cue: /(?:\bmy name is\b|\bmy name's\b|\bthis is \[?\w+\]? (?:from|at|with|speaking|calling|in)\b|\byou(?:'re| are) (?:speaking|talking|through) (?:to|with)\b|\b\[NAME\] speaking\b|\b(?:i'm|i am) \[?\w+\]? (?:from|with|at)\b|\b(?:thank(?:s| you) for calling|welcome to) (?!us\b|back\b|in\b|today\b|me\b|about\b)\w+)/i,
  },
  {
    name: 'recording_notice',
    required: true,
    by: 'agent',
    from: 0,
    to: 0.5,
    cue: /\b(?:call|line|conversation)s? (?:may|might|will|is|are|can|could)?\s?(?:be |being )?(?:recorded|monitored)\b|\b(?:we|i) (?:record|are recording|am recording|monitor) (?:this|all|the|our)? ?calls?\b|\brecorded for (?:quality|training)\b/i,
  },
  {
    name: 'consent',
    required: false,
    requiredFor: /sale|contract|collection/i,
    by: 'customer',
    from: 0,
    to: 1,
    cue: /\b(?:(?:yes|yeah|sure|okay|ok),? (?:i (?:agree|consent|accept)|that's (?:fine|okay|ok)|that is (?:fine|okay)|go ahead|no problem|of course)|i (?:agree|consent|accept|give (?:my )?(?:consent|permission)))\b/i,
  },
  {
    name: 'verification',
    required: false,
    requiredFor: /bank|billing|account|insurance/i,
    by: 'agent',
    from: 0,
    to: 0.8,
    cue: /\b(?:(?:confirm|verify|verification|security question|have|take|get|tell me|give me|what is|what's) .{0,40}(?:date of birth|post ?code|zip|address|account|last four|phone number|policy number|order number|full name|security)|(?:some|a few) security (?:questions|checks))\b/i,
  },
  {
    name: 'offer_of_help',
    required: false,
    by: 'agent',
    from: 0,
    to: 0.5,
    cue: /\b(?:how (?:can|may|could) (?:i|we) (?:help|assist)|what can (?:i|we) do for you|how (?:can|may) i be of)\b/i,
  },
  {
    name: 'empathy',
    required: false,
    by: 'agent',
    from: 0,
    to: 1,
    cue: /\b(?:(?:i am|i'm|we are|we're) (?:so |very |really |terribly )?sorry|sorry (?:to hear|about|for)|i (?:completely |totally |fully |do )?understand|i apologi[sz]e|i can (?:imagine|see why)|that must (?:be|have been)|i appreciate (?:your|that)|my apologies)\b/i,
  },
  {
    name: 'closing_check',
    required: false,
    by: 'agent',
    from: 0.4,
    to: 1,
    cue: /\b(?:(?:is there )?anything else|any other (?:questions?|concerns?)|have i answered|does that (?:answer|solve|resolve|help)|all (?:you|your) (?:needed|questions))\b/i,
  },
  {
    name: 'goodbye',
    required: true,
    by: 'anyone',
    from: 0.6,
    to: 1,
    cue: /\b(?:good ?bye|bye(?: bye)?|have a (?:good|great|nice|lovely|wonderful)|take care|speak (?:to you )?soon|talk (?:to you )?(?:soon|later)|see you)\b/i,
  },
];

/** Says little about what the call was about. */
export const phaticCue =
  /^(?:(?:oh|okay|ok|yes|yeah|no|right|sure|alright|all right|well|um|uh|so|and|hello|hi|good (?:morning|afternoon|evening)|thank you|thanks|you're welcome|you are welcome|good ?bye|bye|have a|it is|great|perfect|please)\b[\s,.!]*)+/i;

/** What makes a sentence worth telling a supervisor: a problem, a wish, a decision. */
export const summaryCue =
  /\b(?:problem|issue|broken|not working|doesn't work|down since|error|wrong|fail(?:ed|s)?|late|missing|refund|cancel|charge[ds]?|bill|order|deliver\w*|appointment|upgrade|i(?:'m| am) calling|i (?:want|need|would like|'d like)|because|agreed?|decided|solution|offer|will|going to|tomorrow|instead)\b/i;
