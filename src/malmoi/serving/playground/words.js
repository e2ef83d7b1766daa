// The page's words in both languages, and texts to try, written for malmoi.
export const WORDS = {
  ko: {
    subtitle: "글을 넣고 답을 봅니다", api: "API", language: "English", key: "API 키", enter: "들어가기", ask: "묻기", model: "모형",
    examples: "보기", run: "물어보기", answer: "답", nothing: "아직 묻지 않았습니다.", pieces: "토큰", request: "이 요청을 코드로",
    copy: "복사", copied: "복사함", dark: "어둡게", light: "밝게", took: "걸린 시간", ms: "밀리초", details: "조각, 번호, 자리",
    piece: "조각", id: "번호", place: "자리", noAnswer: "이 글에는 답이 없다고 봅니다.", noEntities: "찾은 것이 없습니다.",
    score: "점수", mask: "빈칸", cut: "토큰 {n}개, 글자 {c}개", unknown: "모르는 조각 {n}개", offline: "서버에 닿지 않습니다.",
    vector: "벡터의 처음 12개 수", similarity: "두 글의 가까움 (코사인)", second: "둘째 글", needMask: "[MASK]를 한 곳 이상 써 주세요.",
    notFound: "글 안에 없는 말입니다:",
    fields: { text: "글", first: "첫째 글", second: "둘째 글", question: "물음", context: "본문", choices: "고를 것 (한 줄에 하나)", subject: "주어 (글 안의 말)", object: "목적어 (글 안의 말)" },
    about: { none: "과제 없는 모형: 글을 벡터로 바꿉니다", fill: "과제 없는 모형: 빈칸을 채우고 글을 벡터로 바꿉니다" },
  },
  en: {
    subtitle: "Type a text, see the answer", api: "API", language: "한국어", key: "API key", enter: "Enter", ask: "Ask", model: "Model",
    examples: "Examples", run: "Ask", answer: "Answer", nothing: "Nothing asked yet.", pieces: "Tokens", request: "This request as code",
    copy: "Copy", copied: "Copied", dark: "Dark", light: "Light", took: "Time", ms: "ms", details: "Pieces, ids, places",
    piece: "Piece", id: "Id", place: "Place", noAnswer: "It thinks that the text has no answer.", noEntities: "Nothing found.",
    score: "Score", mask: "Mask", cut: "{n} tokens, {c} characters", unknown: "{n} unknown", offline: "The server cannot be reached.",
    vector: "First 12 numbers of the vector", similarity: "How close the two texts are (cosine)", second: "Second text", needMask: "Write [MASK] at one place or more.",
    notFound: "Not in the text:",
    fields: { text: "Text", first: "First text", second: "Second text", question: "Question", context: "Paragraph", choices: "Choices (one a line)", subject: "Subject (words of the text)", object: "Object (words of the text)" },
    about: { none: "No task: turns texts into vectors", fill: "No task: fills masks and turns texts into vectors" },
  },
};

const TEXTS = ["배우들의 연기가 좋아서 끝까지 눈을 뗄 수 없었다.", "기대가 컸는데 이야기가 늘어져서 지루했다.", "음악은 좋았지만 결말이 아쉽다."];
const PAIRS = [
  { first: "아이들이 운동장에서 공을 찬다.", second: "아이들이 밖에서 놀고 있다." },
  { first: "비가 와서 행사가 취소되었다.", second: "행사는 예정대로 열렸다." },
];
export const EXAMPLES = {
  text: TEXTS.map((text) => ({ text })),
  "first,second": PAIRS,
  "question,context": [{ question: "말모이는 언제 시작되었나?", context: "말모이는 1911년 무렵 주시경과 제자들이 짓기 시작한 국어사전의 이름이다. 낱말을 모은다는 뜻이다." }],
  "context,choices": [{ context: "우산을 챙겼다. 하늘에", choices: "먹구름이 몰려왔기 때문이다.\n책상이 놓여 있기 때문이다." }],
  "text,choices": [{ text: "겨울이 오면 강물이 ___.", choices: "언다\n녹는다\n끓는다" }],
  "text,subject,object": [{ text: "주시경은 한힌샘이라는 호를 썼고 조선어 강습원에서 가르쳤다.", subject: "주시경", object: "조선어 강습원" }],
  fill: [{ text: "오늘은 날씨가 [MASK] 좋다." }, { text: "이 [MASK]는 정말 재미있다." }],
  none: [{ text: "바다는 넓고 깊다.", second: "깊고 넓은 바다가 있다." }],
};
