package main

import (
	"strings"
	"unicode"

	"golang.org/x/text/unicode/norm"

	"github.com/oboro-data/oboro/arrowio"
)

// defaultCSV is how init reads CSV: there is no policy yet to say more.
var defaultCSV = arrowio.CSVOptions{}

// A hint is what a column's name suggests. It only suggests: the policy's
// author decides.
type hint struct {
	role      string
	what      string
	hierarchy string // a hierarchy that fits, as the policy writes it
	person    bool   // may be the privacy unit
	english   string // words of names, separated by spaces; _ joins the parts of one name
	japanese  string // parts of names, and romaji as whole words
}

func (h *hint) String() string {
	s := "perhaps " + h.role + ": " + h.what
	if h.hierarchy != "" {
		s += "; hierarchy: " + h.hierarchy
	}
	return s
}

// hints are tried in order; the first that fits is taken. Narrow ones stand
// before wide ones (勤務先電話番号 is a phone number, not a workplace).
var hints = []hint{
	{role: "identifier", what: "a number that the law lets few use; leave it out of the input", english: "my_number mynumber individual_number ssn", japanese: "マイナンバー 個人番号 mainanba"},
	{role: "identifier", what: "the number of a document", english: "passport passport_no license_no driver_license drivers_license", japanese: "旅券 パスポート 運転免許 免許証 menkyo"},
	{role: "identifier", what: "a card number; leave it out of the input", english: "card_no card_number cc pan credit_card", japanese: "クレジットカード カード番号"},
	{role: "identifier", what: "a bank account", english: "account_no bank_account iban", japanese: "口座 記号番号 koza kouza"},
	{role: "identifier", what: "a mail address", english: "email e_mail mail mail_address", japanese: "メール meru meruado"},
	{role: "identifier", what: "a phone number", english: "phone tel telephone mobile cell fax msisdn", japanese: "電話 携帯番号 連絡先 denwa keitai renrakusaki"},
	{role: "identifier", what: "a number of a person", person: true, english: "id user_id uid member_id owner_id account_id login_id customer_id patient_id person_id rider_id", japanese: "会員id 会員番号 お客様番号 ユーザーid ログインid 患者番号 患者id kaiin_id kaiin_no"},
	{role: "identifier", what: "a device or browser, which may stand for a person", person: true, english: "cookie cookie_id session session_id sid visitor_id client_id idfa gaid aaid ad_id advertising_id device_id imei", japanese: "クッキー 広告id"},
	{role: "identifier", what: "a network address; with a time it points to a person", english: "ip ip_addr ip_address remote_addr client_ip x_forwarded_for", japanese: "ipアドレス 接続元 アクセス元"},
	{role: "identifier", what: "free text, which can name anyone; leave it out of the input", english: "inquiry complaint message body comment note remarks free_text description", japanese: "問い合わせ 問合せ 苦情 相談 ご意見 自由記述 本文 備考 メモ toiawase biko"},
	{role: "quasi-identifier", what: "a date of birth", hierarchy: "{date: [month, year, 5-years, 10-years]}", english: "birth_date birthdate birthday dob date_of_birth", japanese: "生年月日 誕生日 seinengappi tanjobi tanjoubi"},
	{role: "quasi-identifier", what: "an age", hierarchy: "{intervals: [5, 10, 20], min: 0, max: 99}", english: "age", japanese: "年齢 年令 nenrei"},
	{role: "quasi-identifier", what: "a sex", english: "sex gender", japanese: "性別 男女 seibetsu"},
	{role: "quasi-identifier", what: "a postal code, as text since zeros lead", hierarchy: "{prefix: [5, 3, 2]}", english: "zip zipcode zip_code postal postal_code postcode", japanese: "郵便 〒 yubin yuubin yubinbango"},
	{role: "quasi-identifier", what: "a prefecture or state", english: "prefecture pref pref_code state region", japanese: "都道府県 県名 出身地 todofuken todouhuken"},
	{role: "quasi-identifier", what: "a municipality; use its code, since names repeat", english: "city municipality lgcode jis_code city_code ward", japanese: "市区町村 市町村 団体コード shikuchoson"},
	{role: "identifier", what: "a full address; keep a coarser part of it", english: "address addr street address1 address2", japanese: "住所 現住所 居住地 番地 建物名 jusho juusho"},
	{role: "quasi-identifier", what: "a place on the map", english: "lat lng lon latitude longitude geo geohash mesh", japanese: "緯度 経度 位置情報 チェックイン ido keido"},
	{role: "quasi-identifier", what: "an occupation or industry", english: "occupation job job_type industry", japanese: "職業 職種 業種 shokugyo shokushu gyoshu"},
	{role: "quasi-identifier", what: "a workplace or school, which can point to a person by itself", english: "company employer workplace office organization affiliation department dept school university position", japanese: "勤務先 会社名 職場 事業所 所属 部署 学校 大学 役職 kinmusaki shozoku"},
	{role: "quasi-identifier", what: "a family or household", english: "family household household_size children marital marital_status spouse", japanese: "家族 世帯 続柄 配偶者 婚姻 既婚 kazoku setai"},
	{role: "quasi-identifier", what: "tastes; a set of them is nearly unique", english: "hobby hobbies interest interests preference likes community tags", japanese: "趣味 嗜好 興味 関心 コミュニティ shumi"},
	{role: "sensitive", what: "special care: health, creed, crime, descent", english: "race religion creed disease diagnosis disability criminal victim nationality union blood_type", japanese: "人種 信条 宗教 病歴 病名 診断 障害 犯罪 被害 健康診断 国籍 支持政党 労働組合 血液型 byoreki"},
	{role: "sensitive", what: "money", english: "income salary annual_income wage", japanese: "年収 所得 収入 nenshu"},
	{role: "sensitive", what: "a page visited; the full address can name a person, a category does not", english: "url uri page path referer referrer landing_page", japanese: "閲覧 訪問ページ 参照元 リファラ url etsuran"},
	{role: "quasi-identifier", what: "a device or browser", english: "user_agent ua browser device os model", japanese: "利用環境 端末 機種 tanmatsu kishu"},
	{role: "quasi-identifier", what: "a time; exact ones single people out", hierarchy: "{date: [month, year]}", english: "ts timestamp datetime date time created_at updated_at registered_at event_time accessed_at visited_at", japanese: "タイムスタンプ 日時 登録日 更新日 利用日 nichiji touroku_bi"},
	{role: "identifier", what: "a name or nickname", person: false, english: "name full_name first_name last_name family_name given_name name_kana nickname handle screen_name display_name username", japanese: "氏名 姓名 名前 契約者名 申込者名 苗字 フリガナ ふりがな カナ氏名 ニックネーム ハンドル 表示名 shimei namae myoji furigana"},
}

// hintFor returns what a column's name suggests, nil for nothing. Names are
// compared after NFKC, in lower case and in parts: memberId, MEMBER-ID and
// member_id are one name. Japanese words are looked for anywhere in the name,
// English and romaji ones as whole parts.
func hintFor(name string) *hint {
	parts := nameParts(name)
	joined := "_" + strings.Join(parts, "_") + "_"
	folded := strings.ToLower(norm.NFKC.String(name))
	// A name that is wholly one of the words is the best evidence: "name" in
	// "city_name" says less than "city".
	for _, whole := range []bool{true, false} {
		for i := range hints {
			h := &hints[i]
			for _, w := range strings.Fields(h.english + " " + h.japanese) {
				if whole && joined == "_"+w+"_" {
					return h
				}
				if whole {
					continue
				}
				if isASCII(w) && w != "id" && strings.Contains(joined, "_"+w+"_") {
					return h
				}
				if !isASCII(w) && strings.Contains(folded, w) {
					return h
				}
			}
		}
	}
	return nil
}

// nameParts splits a name at everything that is no letter or digit and where
// a small letter meets a capital.
func nameParts(name string) []string {
	var out []string
	var part []rune
	end := func() {
		if len(part) > 0 {
			out = append(out, strings.ToLower(string(part)))
			part = nil
		}
	}
	var last rune
	for _, r := range norm.NFKC.String(name) {
		if unicode.IsUpper(r) && unicode.IsLower(last) {
			end()
		}
		if unicode.IsLetter(r) || unicode.IsDigit(r) {
			part = append(part, r)
		} else {
			end()
		}
		last = r
	}
	end()
	return out
}

func isASCII(s string) bool {
	for i := range len(s) {
		if s[i] >= 0x80 {
			return false
		}
	}
	return true
}
