// Texts to try, written for malmoi.
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
export const TEXTS_TO_CUT = ["아이들이 강가에서 주운 조개껍데기로 목걸이를 만들었다.", "할머니께 여쭈었더니 웃으셨다.", "국어사전편찬회가 낱말을 모았다."];
export const QUESTIONS = ["책을 빌리려면 무엇이 필요한가요?", "늦게 돌려주면 어떻게 되나요?", "몇 시에 문을 여나요?"];
export const TRAVEL = "누리전자의 한가람 부장은 3월 2일 부산에서 KR218편을 타고 도쿄로 떠났다. KR218편은 새벽항공이 운항한다. 누리전자는 대전에 본사를 둔 회사이다. 도쿄에 본사가 있는 달빛물산은 누리전자와 계약을 맺었다. 한가람 부장은 도쿄에서 달빛물산의 윤슬기 이사를 만났다.";
